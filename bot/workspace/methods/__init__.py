"""The Web API methods that the practice workspace speaks, one module for each family.

A method is a function from a `Call` to the keys of its answer; it raises `ApiError` for an error answer. It runs with
the workspace's lock held and may not wait.
"""
