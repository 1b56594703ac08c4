"""How long the tests wait for what must happen.

One figure, far beyond any wait of a test that passes: a machine with other work, at a load of 20
or more, takes twenty times as long as an idle one. What hangs for good is ended by the time-out
per test in pyproject.toml.
"""

PATIENCE = 600.0  # seconds
