"""What stops a start, each with a sentence that says what to do."""


class GatewayError(Exception):
    """Base: shown as one line, without a trace."""


class TemplateError(GatewayError):
    """The template cannot be read, or asks for what a local run cannot do.

    Attributes:
        line: in the template, from 1; 0 where it is about the whole.
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class NotKnown(TemplateError):
    """A value is known to AWS only, or to who deploys."""


class PortTaken(GatewayError):
    """Something else listens on a port."""


class NoProcesses(GatewayError):
    """A function does not run in processes of the gateway's, which alone can be disturbed."""


class CannotRun(GatewayError):
    """A function cannot be run in the way that was asked for."""
