"""How attributes, functions and imports of other libraries are replaced and given back. Private."""
