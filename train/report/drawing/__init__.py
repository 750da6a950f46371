"""Pictures made of SVG: worked out to the last coordinate here, so that a page shows them without a script."""
