"""The command ``apigw-local``."""

import sys


def main() -> int:
    """Run until Ctrl-C; what `command_line.run` returns, or 130 after a Ctrl-C at the start."""
    try:
        from apigw_local.cli import run  # noqa: PLC0415 (Ctrl-C may come meanwhile)

        return run()
    except KeyboardInterrupt:
        return 130


def main_by_old_name() -> int:
    """The same as ``hadir-gateway``, its name before 0.2."""
    print("hadir-gateway is called apigw-local now: this name goes with 0.3", file=sys.stderr)
    return main()


if __name__ == "__main__":
    sys.exit(main())
