"""The command ``apigw-local``."""

import sys


def main() -> int:
    """Run until Ctrl-C; what `command_line.run` returns, or 130 after a Ctrl-C at the start."""
    try:
        from apigw_local.cli import run  # noqa: PLC0415 (Ctrl-C may come meanwhile)

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
