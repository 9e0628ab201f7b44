"""How AWS's APIs speak over HTTP: reading requests, checking signatures, writing answers."""
