"""Credits bought through Stripe Checkout; there only where both of Stripe's secrets are set."""
