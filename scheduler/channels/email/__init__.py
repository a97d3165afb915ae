"""Mail: addresses, header lines, the bytes of a message, and the SMTP dialogue that hands them over."""
