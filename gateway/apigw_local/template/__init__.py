"""Reads a SAM or CloudFormation template, as far as a local run needs it."""
