"""``python -m ccreid`` is the command line."""

from ccreid.cli import main

if __name__ == "__main__":
    main()
