"""Sources as a workspace has them: read, asked, listened to, listed.

A file `sources/NAME.yaml` names a kind of `collect.sources` and says its options. What it says
reads `definitions`, where its secrets are `secrets`, and `opening` makes a source of both.
`pulling` asks one, page by page; `runner` asks all of them when it is time, each in a thread of its
own; what they send by themselves takes `tracking.hooks`. How far each is stands in `cursors`, and
pulls that somebody asked for in `runs`. `starters`, `listing` and `trying` are for those who look
after them.
"""
