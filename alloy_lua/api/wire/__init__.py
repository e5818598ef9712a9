"""What crosses the wire: the bodies of requests and replies. Their schemas and their checks are both read from here."""
