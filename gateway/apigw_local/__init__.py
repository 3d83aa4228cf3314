"""A local API Gateway for SAM projects with a WebSocket API.

Reads ``template.yaml`` and serves what the functions and their clients would find in AWS: the
WebSocket API, its management API, the HTTP API and Lambda's Invoke API.

- ``template``: the SAM template, as far as a local run needs it.
- ``core``: how API Gateway decides and what its events look like. No I/O.
- ``runtime``: functions in processes of their own, under AWS's runtime interface client.
- ``server``: sockets and HTTP around the two.
"""
