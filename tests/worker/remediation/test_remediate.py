"""From a verdict to a proven patch: real database, real api, real contained processes, a provider that is a program."""

import subprocess
from pathlib import Path

from tests.support import provider
from tests.support.remediation import FILES, MENDED, mending, script
from tests.worker.remediation.conftest import Driving


def applied(patch: str, files: dict[str, str], folder: Path) -> dict[str, str]:
    """The files after `git apply`, in a folder that is no repository of ours."""
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode())
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "apply"], cwd=folder, check=True, input=patch.encode())
    return {path: (folder / path).read_bytes().decode() for path in files}


async def test_what_is_broken_is_mended_proven_and_nothing_else_changes(driving: Driving, tmp_path: Path) -> None:
    with provider.running(script(mending(MENDED))) as given:
        async with driving(**provider.settings(given)) as driver:
            run_id = await driver.run(FILES)
            remediation = await driver.begin(run_id)
            view = await driver.go_on(remediation)
            while view["status"] == "awaiting_approval":
                for fix in await driver.fixes(remediation):
                    if fix["status"] == "proposed" and fix["needs"] == "CONFIRM":
                        assert (await driver.decide(fix["id"])).status_code == 200
                view = await driver.go_on(remediation)
            fixes = await driver.fixes(remediation)
            print([(f["status"], f["needs"], f["reasons"], f["outcome"], f["summary"]) for f in fixes])
            assert view["status"] == "completed", view
            assert {fix["status"] for fix in fixes} == {"verified"}
            patched = applied(await driver.patch(remediation), FILES, tmp_path)
    assert patched == {
        "app/main.py": "import json\nimport sys\n\n\ndef run(text):\n    return json.loads(text)\n\n\nprint(sys.argv)\n",
        "app/shell.py": "import os\n\n\ndef clean(name):\n    os.remove(name)\n",
        "app/util.py": FILES["app/util.py"],
    }
