"""Joins: a column that names documents rather than holding them is looked up in a table or in files beside the data."""
