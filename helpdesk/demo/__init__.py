"""A lively desk to look around in: an invented company, its people, and what happened there in the last weeks."""
