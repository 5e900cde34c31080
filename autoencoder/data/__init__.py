"""Images and what is known of them: made by `prepare`, loaded, split, and handed out in batches."""
