"""The claims by theme, one module each; importing a module registers its claims."""
