"""Mail through the HTTP interfaces of mail providers: Amazon SES, Postmark, Resend."""
