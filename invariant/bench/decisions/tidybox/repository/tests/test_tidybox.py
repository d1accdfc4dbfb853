"""Sorting and undoing in a temporary folder."""

from tidybox.cli import main
from tidybox.rules import parse


def test_parse():
    rule = parse('images  ("*.png", "*.jpg")  My%20Pictures')
    assert rule.target == "My Pictures"
    assert rule.patterns == ("*.png", "*.jpg")


def test_sort_and_undo(tmp_path):
    (tmp_path / "a.png").write_text("picture")
    rules = tmp_path / "rules.txt"
    rules.write_text('images  "*.png"  Pictures\n')
    assert main(["sort", str(tmp_path), "--rules", str(rules)]) == 0
    assert (tmp_path / "Pictures" / "a.png").exists()
    assert main(["undo", str(tmp_path)]) == 0
    assert (tmp_path / "a.png").exists()


def test_dry_run_changes_nothing(tmp_path, capsys):
    (tmp_path / "a.png").write_text("picture")
    rules = tmp_path / "rules.txt"
    rules.write_text('images  "*.png"  Pictures\n')
    main(["sort", str(tmp_path), "--rules", str(rules), "--dry-run"])
    assert (tmp_path / "a.png").exists()
    print(capsys.readouterr().out)
