"""Runs functions as Lambda does: own processes under the runtime interface client."""
