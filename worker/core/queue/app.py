"""The procrastinate app that producers and workers share. It imports no task: a producer knows a job by name.

Without `import_paths` and without an open connector it costs the api nothing; the worker gives it a connector
of its own (worker.runtime.connector) and the tasks that worker.tasks calls up.
"""

import procrastinate

app = procrastinate.App(connector=procrastinate.PsycopgConnector())
