"""What is known of texts by rules alone: sentences, months, stopwords, and which language it is. Knows no actor."""
