"""The Likeness worker: trains a custom model from a run directory, and serves images over a Unix socket.

It knows nothing of AWS: files in, files out (contract/schemas is the whole contract with the server).
"""
