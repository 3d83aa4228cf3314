"""What stops a start, each with a sentence that says what to do."""


class GatewayError(Exception):
    """Base: shown as one line, without a trace."""


class TemplateError(GatewayError):
    """The template cannot be read, or asks for what a local run cannot do."""


class PortTaken(GatewayError):
    """Something else listens on a port."""
