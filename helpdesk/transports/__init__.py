"""The only way to mail servers: everything that opens a socket for mail, behind the protocols of `base`."""
