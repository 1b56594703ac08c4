"""`python -m mintmark`: the same as the `mintmark` command."""

from .cli import main

# The guard is for spawned workers, which import the parent's main module again.
if __name__ == "__main__":
    main()
