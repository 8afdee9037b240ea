"""`import labkit` against `import torch`, and against Python doing nothing: each in a new process."""

import subprocess
import sys

from alternate import alternate, machine, report

SNIPPETS = {"import torch": "import torch", "import labkit": "import labkit", "python alone": "pass"}


def main() -> None:
    print(machine("torch"))
    runs = {
        name: lambda code=code: subprocess.run([sys.executable, "-c", code], check=True)
        for name, code in SNIPPETS.items()
    }
    alternate(runs, rounds=1)  # warm the file cache
    report(alternate(runs, rounds=7), of="import torch")


if __name__ == "__main__":
    main()
