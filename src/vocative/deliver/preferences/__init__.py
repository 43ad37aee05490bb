"""What a person wants to be sent, as the person says it.

`standing` reads it, `changing` writes it down with its proof, `address` moves it to another
address, `wording` keeps the text that was seen. The pages are in `deliver/pages/preferences.py`.
"""
