"""Every component in every state, and still pages with sample data, drawn by the product's own templates."""
