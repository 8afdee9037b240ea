"""`python -m labgrader` is `labgrade`."""

from labgrader.cli import main

if __name__ == "__main__":
    main()
