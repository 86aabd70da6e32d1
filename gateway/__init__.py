"""The aiohttp gateway actor: HTTP in, messages out. Knows contracts, never actor classes; holds nothing that matters."""
