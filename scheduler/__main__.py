"""`python -m scheduler` is `campaign`."""

from scheduler.cli.main import main

if __name__ == "__main__":
    main()
