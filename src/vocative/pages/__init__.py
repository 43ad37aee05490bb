"""What every page for visitors and recipients shares: words by language, brand, style.

Forms, confirmations, unsubscribing, preferences: each brings its own content, and looks and speaks
like the others.
"""
