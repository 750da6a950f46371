"""The Python API: what the commands do, as functions that take and return objects, print nothing and spend nothing by themselves.

`embed_tune` hands these functions on, so that users import one short name. See docs/python.md.
"""
