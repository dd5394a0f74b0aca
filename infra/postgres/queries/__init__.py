"""Every statement that functions run, named and described, in modules named like their adapters.

Batches come as one array per column. `series` means (store, product).
"""
