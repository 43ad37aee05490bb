"""Each page of the web app in a real browser: what it shows is what the API says."""

import re
from typing import Any

import pytest
from running_site import CAMPAIGN, Site, Troubles

from demo_site import Demo

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

pytestmark = pytest.mark.browser


def figure(number: int) -> str:
    return f"{number:,}"


def test_home_shows_key_numbers_weeks_and_campaigns(page: Any, site: Site) -> None:
    overview = site.api("/overview")
    page.goto("/")
    expect(page.get_by_role("heading", level=1, name=overview["workspace"])).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(figure(overview["people"]))
    expect(page.get_by_role("main")).to_contain_text(f"{figure(overview['events'])} events")
    chart = page.get_by_role("region", name="Orders and revenue per week")
    expect(chart.get_by_role("img").locator("path").first).to_be_visible()
    campaigns = page.get_by_role("table", name="Recent campaigns")
    row = campaigns.get_by_role("row").filter(has_text=CAMPAIGN)
    expect(row).to_contain_text("finished")
    expect(row).to_contain_text("conversions")
    row.get_by_role("link", name=CAMPAIGN, exact=True).click()
    expect(page).to_have_url(re.compile(f"/campaigns/{CAMPAIGN}$"))


def test_a_chart_shows_its_numbers_as_a_table(page: Any, site: Site) -> None:
    latest = site.api("/overview")["weeks"][-1]
    page.goto("/")
    page.get_by_role("button", name="Orders and revenue per week: show as a table").click()
    table = page.get_by_role("table", name="Orders and revenue per week")
    row = table.get_by_role("row").filter(has_text=latest["week_on"])
    expect(row.get_by_role("cell", name=str(latest["orders"]), exact=True).first).to_be_visible()


def test_people_are_found_by_whole_address_and_the_address_bar_keeps_it(
    page: Any, site: Site
) -> None:
    everyone = site.api("/people", limit="50")
    wanted = next(person for person in everyone["people"] if person["name"] and person["email"])
    page.goto("/people")
    expect(page.get_by_text(f"50 of {figure(everyone['total'])} people")).to_be_visible()
    page.get_by_label("Search people").fill(wanted["email"])
    table = page.get_by_role("table", name="People")
    expect(table.get_by_role("row")).to_have_count(2)
    expect(page).to_have_url(re.compile("search="))
    table.get_by_role("link", name=wanted["name"]).click()
    expect(page.get_by_role("heading", level=1, name=wanted["name"])).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Search people")).to_have_value(wanted["email"])


def test_people_are_filtered_by_segment_and_paged(page: Any, site: Site) -> None:
    segment = max(site.api("/segments"), key=lambda one: one["count"])
    page.goto("/people")
    page.get_by_role("combobox", name="Segment").click()
    page.get_by_role("option", name=segment["name"], exact=True).click()
    total = figure(site.api("/people", segment=segment["name"])["total"])
    expect(page.get_by_text(f"50 of {total} people")).to_be_visible()
    first = page.get_by_role("table", name="People").get_by_role("link").first.inner_text()
    page.get_by_role("button", name="Next page").click()
    expect(page).to_have_url(re.compile("after="))
    expect(page.get_by_role("table", name="People").get_by_role("link").first).not_to_have_text(
        first
    )
    page.get_by_role("button", name="First page").click()
    expect(page.get_by_role("table", name="People").get_by_role("link").first).to_have_text(first)


def test_nobody_found_says_what_to_do(page: Any) -> None:
    page.goto("/people?search=nobody@nowhere.example")
    expect(page.get_by_text("Nobody fits")).to_be_visible()
    expect(page.get_by_text("type the whole address")).to_be_visible()


def test_a_person_shows_everything_and_the_timeline_filters(page: Any, site: Site) -> None:
    person_id = site.person_with("accepted")["person_id"]
    person = site.api(f"/people/{person_id}")
    page.goto(f"/people/{person_id}")
    expect(page.get_by_role("heading", level=1, name=person["name"])).to_be_visible()
    expect(page.get_by_text(person["email"])).to_be_visible()
    for since in person["segments"]:
        segments = page.get_by_role("region", name="Segments")
        expect(segments.get_by_role("link", name=since["name"], exact=True)).to_be_visible()
    recommended = page.get_by_role("region", name="Recommended")
    expect(recommended).to_contain_text(person["recommendations"][0]["title"])
    expect(recommended.locator("img").first).to_have_js_property("complete", True)
    expect(page.get_by_role("region", name="Consent")).to_contain_text("given")

    events = page.get_by_role("list", name="Events")
    page.get_by_role("combobox", name="Kind of event").click()
    page.get_by_role("option", name="Email Delivered").click()
    expect(page).to_have_url(re.compile("event=Email"))
    expect(events.get_by_text("Email Delivered").first).to_be_visible()
    expect(events.get_by_text("Email Opened")).to_have_count(0)
    page.get_by_role("button", name="Raw event Email Delivered").first.click()
    expect(events.get_by_text('"event_id"').first).to_be_visible()


def test_a_person_has_features_and_messages_under_tabs(page: Any, site: Site) -> None:
    person_id = site.person_with("accepted")["person_id"]
    feature = site.api(f"/people/{person_id}")["features"][0]
    page.goto(f"/people/{person_id}")
    page.get_by_role("tab", name="Features and traits").click()
    row = page.get_by_role("table", name="Features").get_by_role("row")
    expect(row.filter(has_text=feature["name"]).first).to_contain_text(feature["describe"])
    page.get_by_role("tab", name="Messages").click()
    expect(page).to_have_url(re.compile("tab=messages"))
    page.get_by_role("table", name="Messages").get_by_role("link", name="Why").first.click()
    expect(page).to_have_url(re.compile("/explain"))


@pytest.mark.parametrize("state", ["accepted", "skipped"])
def test_explain_says_why_with_every_condition(page: Any, site: Site, state: str) -> None:
    person_id = site.person_with(state)["person_id"]
    story = site.api(f"/people/{person_id}/explain", campaign=CAMPAIGN)
    page.goto(f"/people/{person_id}/explain?campaign={CAMPAIGN}")
    expect(page.get_by_text(story["sentence"])).to_be_visible()
    steps = page.get_by_role("list", name="Steps").get_by_role("listitem")
    expect(steps).to_have_count(len(story["steps"]))
    for step in story["steps"]:
        expect(steps.filter(has_text=step["title"]).first).to_be_visible()
        for condition in step["conditions"]:
            expect(page.get_by_text(condition["text"], exact=True).first).to_be_visible()


def test_segments_show_counts_that_open_the_people(page: Any, site: Site) -> None:
    segment = next(one for one in site.api("/segments") if one["family"] is None and one["count"])
    page.goto("/segments")
    table = page.get_by_role("table", name="Segments")
    row = table.get_by_role("row").filter(
        has=page.get_by_role("link", name=segment["name"], exact=True)
    )
    expect(row).to_contain_text(segment["describe"])
    row.get_by_role("link", name=f"people in {segment['name']}").click()
    expect(page).to_have_url(re.compile("/people"))
    expect(page.get_by_text(f"{figure(segment['count'])} in {segment['name']}")).to_be_visible()


def test_segment_counts_refresh_by_themselves(page: Any) -> None:
    page.goto("/segments")
    expect(page.get_by_role("table", name="Segments")).to_be_visible()
    with page.expect_response(re.compile("/api/segments$"), timeout=10_000) as again:
        pass
    assert again.value.ok


def test_an_expression_is_counted_while_it_is_typed(page: Any, site: Site) -> None:
    expected = site.api("/segments/mailable")["count"]
    where = site.api("/segments/mailable")["where"]
    page.goto("/segments")
    page.get_by_role("textbox", name="Expression").fill(where)
    expect(page.get_by_role("region", name="Try an expression")).to_contain_text(
        f"{figure(expected)} people"
    )
    expect(page.get_by_role("table", name="Some who fit").get_by_role("row").nth(1)).to_be_visible()
    expect(page).to_have_url(re.compile("where="))


def test_a_wrong_expression_points_at_the_place(page: Any, troubles: Troubles) -> None:
    page.goto("/segments")
    page.get_by_role("textbox", name="Expression").fill("spnd_180d > 100")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("spend_180d")
    expect(alert.locator("pre")).to_have_text("spnd_180d > 100\n^")
    # Chromium reports every refused request in its console; that is all it reported.
    assert all("status of 4" in said for said in troubles.console)
    troubles.console.clear()


def test_a_segment_has_history_people_and_sql(page: Any, site: Site) -> None:
    segment = site.api("/segments/mailable")
    page.goto("/segments/mailable")
    expect(page.get_by_role("heading", level=1, name="mailable")).to_be_visible()
    people = page.get_by_role("link", name=f"{figure(segment['count'])} people in mailable")
    expect(people).to_be_visible()
    history = page.get_by_role("region", name="Members over time")
    expect(history.get_by_role("img").locator("path").first).to_be_visible()
    sample = page.get_by_role("table", name="Some of mailable").get_by_role("row")
    expect(sample).to_have_count(len(segment["sample"]) + 1)
    expect(page.get_by_role("region", name="SQL")).to_contain_text("SELECT")


def test_a_segment_shows_who_came_and_went(page: Any, site: Site) -> None:
    growth = site.api("/segments/mailable/growth")
    page.goto("/segments/mailable")
    panel = page.get_by_role("region", name="Members over time")
    expect(panel).to_contain_text(f"when {figure(growth['started_with'])} people were in")
    expect(panel).to_contain_text("nothing is known from before")
    page.get_by_role("button", name="Members over time: show as a table").click()
    day = growth["days"][-1]
    row = panel.get_by_role("row").filter(has_text=day["on"])
    expect(row).to_contain_text(figure(day["members"]))


def test_the_whole_query_of_a_segment_is_one_click_away(page: Any) -> None:
    page.goto("/segments/lapsed")
    page.get_by_role("button", name="Show the whole query").click()
    expect(page.get_by_label("The whole query")).to_contain_text("Order Completed")


def test_segments_are_compared(page: Any, site: Site) -> None:
    segments = {one["name"]: one for one in site.api("/segments")}
    page.goto("/overlap")
    expect(page.get_by_text("Choose at least two segments")).to_be_visible()
    picker = page.get_by_role("combobox", name="Segments")
    for name in ("mailable", "lapsed"):
        picker.fill(name)
        page.get_by_role("option", name=name, exact=True).click()
    expect(page).to_have_url(re.compile("segments=mailable%2Clapsed"))
    sizes = page.get_by_role("table", name="Sizes")
    for name in ("mailable", "lapsed"):
        row = sizes.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
        expect(row).to_contain_text(figure(segments[name]["count"]))
    pairs = page.get_by_role("table", name="In common").get_by_role("row")
    expect(pairs).to_have_count(2)


def test_what_cannot_be_compared_says_so(page: Any, troubles: Troubles) -> None:
    page.goto("/overlap?segments=mailable,lapsd")
    expect(page.get_by_role("alert")).to_contain_text("did you mean 'lapsed'")
    assert all("status of 4" in said for said in troubles.console)
    troubles.console.clear()


def test_a_person_has_a_history_of_segments(page: Any, site: Site) -> None:
    person_id = site.person_with("accepted")["person_id"]
    history = site.api(f"/people/{person_id}/memberships")
    page.goto(f"/people/{person_id}")
    page.get_by_role("tab", name="Segments").click()
    expect(page).to_have_url(re.compile("tab=segments"))
    rows = page.get_by_role("table", name="Segments over time").get_by_role("row")
    expect(rows).to_have_count(len(history) + 1)
    still = sum(one["until_at"] is None for one in history)
    expect(rows.filter(has_text="still in")).to_have_count(still)


def test_a_pack_is_looked_into(page: Any, site: Site) -> None:
    pack = site.api("/packs/lifecycle")
    page.goto("/packs")
    page.get_by_role("button", name=f"Look inside {pack['summary']['title']}").click()
    expect(page).to_have_url(re.compile("pack=lifecycle"))
    panel = page.get_by_role("region", name=pack["summary"]["title"])
    rows = panel.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(len(pack["definitions"]) + 1)
    for file in pack["files"]:
        expect(panel.get_by_role("heading", name=file["path"])).to_be_visible()


def test_a_pack_is_added_and_computed(
    page: Any, own_site: Site, demo: Demo, troubles: Troubles
) -> None:
    page.goto(f"{own_site.url}/packs")
    panel = page.get_by_role("region", name="Customer lifecycle")
    panel.get_by_role("button", name="Add Customer lifecycle").click()
    expect(panel.get_by_text("Wrote features/lifecycle.yaml")).to_be_visible()
    expect(panel.get_by_text("Added", exact=True)).to_be_visible()
    panel.get_by_role("button", name="Compute now").click()
    expect(panel.get_by_text(re.compile("^Computed:"))).to_be_visible()
    panel.get_by_role("link", name="lifecycle_active").click()
    expect(page.get_by_role("heading", level=1, name="lifecycle_active")).to_be_visible()
    count = own_site.api("/segments/lifecycle_active")["count"]
    assert count > 0
    people = page.get_by_role("link", name=f"{figure(count)} people in lifecycle_active")
    expect(people).to_be_visible()
    page.goto("about:blank")  # that server goes away before this page does
    assert not (demo.workspace / "features" / "lifecycle.yaml").exists()
    assert all(asked.startswith(own_site.url) for asked in troubles.strangers)
    troubles.strangers.clear()


def test_campaigns_lead_to_the_people_behind_each_number(page: Any, site: Site) -> None:
    campaign = site.api("/campaigns")[0]
    page.goto("/campaigns")
    row = page.get_by_role("table", name="Campaigns").get_by_role("row").nth(1)
    expect(row).to_contain_text(CAMPAIGN)
    row.get_by_role("link", name=f"{figure(campaign['skipped'])} skipped").click()
    expect(page).to_have_url(re.compile("state=skipped"))
    total = site.api(f"/campaigns/{CAMPAIGN}/messages", state="skipped")["total"]
    expect(page.get_by_text(re.compile(f"of {figure(total)} messages"))).to_be_visible()


def test_the_report_says_what_changed_first_and_opens_the_skipped(page: Any, site: Site) -> None:
    report = site.api(f"/campaigns/{CAMPAIGN}/report")
    page.goto(f"/campaigns/{CAMPAIGN}")
    changed = page.get_by_role("region", name="What it changed")
    expect(changed).to_contain_text(report["holdout"]["conversion"]["words"], ignore_case=True)
    expect(changed.get_by_role("img", name=re.compile("interval from"))).to_have_count(2)
    rates = page.get_by_role("region", name="From message to goal")
    expect(rates.get_by_role("img").locator("path").first).to_be_visible()
    split = page.get_by_role("region", name="People and machines")
    expect(split).to_contain_text(f"{figure(report['opens']['machine_events'])} times")
    for comparison in report["comparisons"]:
        expect(page.get_by_text(comparison["words"]).first).to_be_visible()
    arms = page.get_by_role("table", name="Variants").get_by_role("row")
    expect(arms).to_have_count(len(report["arms"]) + 1)
    reason, skipped = next(iter(report["skipped"].items()))
    page.get_by_role("link", name=f"{figure(skipped)} {reason} in {CAMPAIGN}").click()
    expect(page).to_have_url(re.compile(f"reason={reason}"))
    expect(page.get_by_role("list", name="Messages").get_by_role("listitem")).to_have_count(
        min(25, skipped)
    )


def test_a_mail_is_shown_as_its_person_got_it(page: Any, site: Site) -> None:
    row = site.person_with("accepted")
    mail = site.api(f"/messages/{row['message_id']}")
    page.goto(f"/messages?campaign={CAMPAIGN}&state=accepted")
    page.get_by_role("list", name="Messages").get_by_role("link").filter(
        has_text=row["email"]
    ).first.click()
    expect(page.get_by_role("heading", name=mail["subject"])).to_be_visible()
    frame = page.frame_locator(f'iframe[title="Mail to {row["email"]}"]')
    expect(frame.get_by_text("Unsubscribe").first).to_be_visible()
    assert page.locator("iframe").get_attribute("sandbox") == ""
    page.get_by_text("Phone", exact=True).click()
    expect(page.locator("iframe")).to_have_css("width", "390px")
    page.get_by_text("Plain text", exact=True).click()
    expect(page.locator("pre[aria-label='Plain text']")).to_contain_text("http")
    page.get_by_role("link", name="Every condition").click()
    expect(page).to_have_url(re.compile(f"/people/{row['person_id']}/explain"))


def test_looking_at_a_mail_is_not_an_open(page: Any, site: Site) -> None:
    before = site.api(f"/campaigns/{CAMPAIGN}/report")["opens"]
    row = site.person_with("accepted")
    page.goto(f"/messages?campaign={CAMPAIGN}&message={row['message_id']}")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("Unsubscribe").first).to_be_visible()
    assert "/o/" not in page.frames[-1].content()
    assert site.api(f"/campaigns/{CAMPAIGN}/report")["opens"] == before


def test_a_mail_that_was_not_sent_says_so(page: Any, site: Site) -> None:
    rows = site.api(f"/campaigns/{CAMPAIGN}/messages", state="skipped", limit="100")["messages"]
    row = next(row for row in rows if row["arm"] != "holdout")
    page.goto(f"/messages?campaign={CAMPAIGN}&message={row['message_id']}")
    expect(page.get_by_text(f"Not sent: {row['reason'].replace('_', ' ')}")).to_be_visible()


def test_models_show_how_good_they_are(page: Any, site: Site) -> None:
    models = site.api("/models")
    page.goto("/models")
    for model in models:
        expect(page.get_by_role("link", name=re.compile(f"^{model['name']}"))).to_be_visible()
    page.get_by_role("link", name=re.compile("^purchase_30d")).click()
    card = site.api("/models/purchase_30d")
    expect(page.get_by_role("heading", level=1, name="purchase_30d")).to_be_visible()
    if card["quality"] is None:
        expect(page.get_by_text("not enough to learn from")).to_be_visible()
        return
    rows = page.get_by_role("table", name="Against simple rules").get_by_role("row")
    expect(rows).to_have_count(len(card["baselines"]) + 2)
    for chart in ("Lift by tenth", "Found so far", "Calibration"):
        drawing = page.get_by_role("region", name=chart).get_by_role("img")
        expect(drawing.locator("path").first).to_be_visible()
    expect(page.get_by_role("region", name="What moves the score")).to_contain_text(
        card["importances"][0]["feature"]
    )


def test_imports_account_for_every_row(page: Any, site: Site) -> None:
    page.goto("/imports")
    for taken in site.api("/imports"):
        panel = page.get_by_role("region", name=taken["file_name"]).first
        expect(panel).to_contain_text(f"{figure(taken['used'])} of {figure(taken['rows'])} rows")
        for reason in taken["refused"]:
            expect(panel).to_contain_text(reason, ignore_case=True)
