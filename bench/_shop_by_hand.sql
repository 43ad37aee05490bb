-- Features and segments of the made-up shop as somebody would write them for DuckDB by hand, who
-- knows this data: no two events of a person at one instant matter, windows are for one instant.
-- $now is that instant; reads events, order_lines, items and people.
WITH facts AS (
  SELECT person_id,
    count(*) FILTER (name = 'Product Viewed' AND "at" > $now - INTERVAL 1 DAY) AS views_1d,
    count(*) FILTER (name = 'Product Viewed' AND "at" > $now - INTERVAL 7 DAY) AS views_7d,
    count(*) FILTER (name = 'Product Viewed' AND "at" > $now - INTERVAL 30 DAY) AS views_30d,
    count(*) FILTER (name = 'Product Added' AND "at" > $now - INTERVAL 7 DAY) AS carts_7d,
    count(*) FILTER (name = 'Product Added' AND "at" > $now - INTERVAL 30 DAY) AS carts_30d,
    count(*) FILTER (name = 'Products Searched' AND "at" > $now - INTERVAL 30 DAY) AS searches_30d,
    count(*) FILTER (name = 'Order Completed') AS orders_total,
    count(*) FILTER (name = 'Order Completed' AND "at" > $now - INTERVAL 30 DAY) AS orders_30d,
    count(*) FILTER (name = 'Order Completed' AND "at" > $now - INTERVAL 90 DAY) AS orders_90d,
    sum(revenue) FILTER ("at" > $now - INTERVAL 30 DAY) AS spend_30d,
    sum(revenue) FILTER ("at" > $now - INTERVAL 180 DAY) AS spend_180d,
    sum(revenue) AS spend_total,
    max(revenue) FILTER (name = 'Order Completed' AND "at" > $now - INTERVAL 180 DAY)
      AS biggest_order,
    min(price) FILTER (name = 'Product Viewed' AND "at" > $now - INTERVAL 7 DAY)
      AS smallest_view_7d,
    avg(revenue) FILTER (name = 'Order Completed' AND "at" > $now - INTERVAL 180 DAY)
      AS mean_order_180d,
    count(*) FILTER (name = 'Product Viewed' AND price > 50 AND "at" > $now - INTERVAL 30 DAY)
      AS dear_views_30d,
    count(*) FILTER (name = 'Email Delivered' AND "at" > $now - INTERVAL 90 DAY) AS mails_90d,
    count(*) FILTER (opened AND "at" > $now - INTERVAL 90 DAY) AS opens_90d,
    count(*) FILTER (name = 'Email Link Clicked' AND "at" > $now - INTERVAL 90 DAY) AS clicks_90d,
    count(*) FILTER (name = 'Email Bounced' AND "at" > $now - INTERVAL 90 DAY) > 0 AS bounced,
    count(*) FILTER (name = 'Unsubscribed') > 0 AS unsubscribed,
    min("at") FILTER (name = 'Order Completed') AS first_order_at,
    max("at") FILTER (name = 'Order Completed') AS last_order_at,
    max("at") FILTER (name IN ('Product Viewed', 'Product Added', 'Products Searched',
      'Checkout Started', 'Order Completed')) AS last_seen_at,
    max("at") FILTER (opened) AS last_open_at,
    arg_max(product_id, "at") FILTER (name = 'Product Viewed' AND "at" > $now - INTERVAL 30 DAY)
      AS last_viewed_product,
    arg_max(product_id, "at") FILTER (name = 'Product Added' AND "at" > $now - INTERVAL 7 DAY)
      AS last_cart_product,
    round(sum(CASE name WHEN 'Product Viewed' THEN 1 WHEN 'Product Added' THEN 3 ELSE 10 END
      * pow(2e0, -(epoch_us($now) - epoch_us("at")) / 1209600e6)) FILTER (
        name IN ('Product Viewed', 'Product Added', 'Order Completed')
        AND "at" > $now - INTERVAL 90 DAY), 6) AS interest
  FROM (
    SELECT *, CASE WHEN name = 'Email Opened'
        THEN coalesce(properties ->> '$.verdict', 'human') <> 'machine' END AS opened
    FROM events WHERE "at" <= $now)
  GROUP BY person_id
),
lines AS (
  SELECT person_id,
    arg_min(l.category, ("at", event_id, l.category)) AS first_category,
    sum(margin) FILTER ("at" > $now - INTERVAL 180 DAY) AS margin_180d,
    sum(quantity) FILTER ("at" > $now - INTERVAL 180 DAY) AS pieces_180d
  FROM order_lines AS l LEFT JOIN items ON item_id = product_id
  WHERE name = 'Order Completed' AND "at" <= $now
  GROUP BY person_id
),
products AS (
  SELECT person_id, count(DISTINCT product_id) AS products_30d FROM events
  WHERE name = 'Product Viewed' AND "at" <= $now AND "at" > $now - INTERVAL 30 DAY
  GROUP BY person_id
),
viewed AS (
  SELECT person_id, arg_max(category, (found, latest, category)) AS viewed_category
  FROM (
    SELECT person_id, category, count(*) AS found, max("at") AS latest FROM events
    WHERE name IN ('Product Viewed', 'Product Added') AND category IS NOT NULL
      AND "at" <= $now AND "at" > $now - INTERVAL 90 DAY
    GROUP BY person_id, category)
  GROUP BY person_id
),
bought AS (
  SELECT person_id, arg_max(category, (total, latest, category)) AS bought_category
  FROM (
    SELECT person_id, category, round(sum(revenue), 2) AS total, max("at") AS latest
    FROM order_lines
    WHERE name = 'Order Completed' AND category IS NOT NULL
      AND "at" <= $now AND "at" > $now - INTERVAL 180 DAY
    GROUP BY person_id, category)
  GROUP BY person_id
),
last_views AS (
  SELECT person_id, avg(price) AS last_5_views_price
  FROM (
    SELECT person_id, price FROM events WHERE name = 'Product Viewed' AND "at" <= $now
    QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY "at" DESC) <= 5)
  GROUP BY person_id
),
last_orders AS (
  SELECT person_id, sum(revenue) AS last_3_orders
  FROM (
    SELECT person_id, revenue FROM events
    WHERE name = 'Order Completed' AND "at" <= $now AND "at" > $now - INTERVAL 180 DAY
    QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY "at" DESC) <= 3)
  GROUP BY person_id
),
days AS (
  SELECT person_id, day, today,
    day + CAST(row_number() OVER (PARTITION BY person_id ORDER BY day DESC) AS INTEGER) AS run,
    max(day) OVER (PARTITION BY person_id) AS newest
  FROM (
    SELECT DISTINCT person_id,
      CAST(timezone(local_zone, timezone('UTC', "at")) AS DATE) AS day,
      CAST(timezone(local_zone, timezone('UTC', $now)) AS DATE) AS today
    FROM events JOIN people USING (person_id)
    WHERE name = 'Product Viewed' AND "at" <= $now AND "at" > $now - INTERVAL 368 DAY
      AND person_id IN (
        SELECT person_id FROM events
        WHERE name = 'Product Viewed' AND "at" <= $now AND "at" > $now - INTERVAL 4 DAY))
),
streaks AS (
  SELECT person_id, least(count(*), 366) AS days_in_a_row FROM days
  WHERE newest >= today - 1 AND run = newest + 1
  GROUP BY person_id
),
carts AS (
  SELECT person_id, max("at" + INTERVAL 1 DAY) AS cart_left_at
  FROM (
    SELECT person_id, "at", name, lead(CASE WHEN name = 'Order Completed' THEN "at" END IGNORE NULLS)
        OVER (PARTITION BY person_id ORDER BY "at") AS ordered_at
    FROM events
    WHERE name IN ('Product Added', 'Order Completed')
      AND "at" <= $now AND "at" > $now - INTERVAL 31 DAY)
  WHERE name = 'Product Added' AND coalesce(ordered_at > "at" + INTERVAL 1 DAY, TRUE)
    AND "at" + INTERVAL 1 DAY <= $now AND "at" + INTERVAL 1 DAY > $now - INTERVAL 30 DAY
  GROUP BY person_id
),
mails AS (
  SELECT person_id, max("at") AS bought_after_mail_at
  FROM (
    SELECT person_id, "at", name,
      lag(CASE WHEN name = 'Email Link Clicked' THEN "at" END IGNORE NULLS)
        OVER (PARTITION BY person_id ORDER BY "at") AS clicked_at
    FROM events
    WHERE name IN ('Email Link Clicked', 'Order Completed')
      AND "at" <= $now AND "at" > $now - INTERVAL '90 days 2 hours')
  WHERE name = 'Order Completed' AND "at" <= clicked_at + INTERVAL 2 HOUR
    AND "at" > $now - INTERVAL 90 DAY
  GROUP BY person_id
),
baskets AS (
  SELECT person_id, max("at") AS looked_and_bought_at
  FROM (
    SELECT person_id, "at", name,
      lag(CASE WHEN name = 'Product Added' AND "at" <= viewed_at + INTERVAL 1 HOUR THEN "at" END
        IGNORE NULLS) OVER step AS added_at,
      lag(CASE WHEN name = 'Order Refunded' THEN "at" END IGNORE NULLS) OVER step AS refunded_at
    FROM (
      SELECT person_id, "at", name,
        lag(CASE WHEN name = 'Product Viewed' THEN "at" END IGNORE NULLS)
          OVER (PARTITION BY person_id ORDER BY "at") AS viewed_at
      FROM events
      WHERE name IN ('Product Viewed', 'Product Added', 'Order Refunded', 'Order Completed')
        AND "at" <= $now AND "at" > $now - INTERVAL '30 days 3 hours')
    WINDOW step AS (PARTITION BY person_id ORDER BY "at"))
  WHERE name = 'Order Completed' AND "at" <= added_at + INTERVAL 2 HOUR
    AND coalesce(refunded_at < added_at, TRUE) AND "at" > $now - INTERVAL 30 DAY
  GROUP BY person_id
),
together AS (
  SELECT person_id, country, email_domain, birthday, local_zone,
    coalesce(views_1d, 0) AS views_1d, coalesce(views_7d, 0) AS views_7d,
    coalesce(views_30d, 0) AS views_30d, coalesce(carts_7d, 0) AS carts_7d,
    coalesce(carts_30d, 0) AS carts_30d, coalesce(searches_30d, 0) AS searches_30d,
    coalesce(orders_total, 0) AS orders_total, coalesce(orders_30d, 0) AS orders_30d,
    coalesce(orders_90d, 0) AS orders_90d, coalesce(spend_30d, 0) AS spend_30d,
    coalesce(spend_180d, 0) AS spend_180d, coalesce(spend_total, 0) AS spend_total,
    biggest_order, smallest_view_7d, mean_order_180d,
    coalesce(dear_views_30d, 0) AS dear_views_30d, coalesce(mails_90d, 0) AS mails_90d,
    coalesce(opens_90d, 0) AS opens_90d, coalesce(clicks_90d, 0) AS clicks_90d,
    coalesce(bounced, FALSE) AS bounced, coalesce(unsubscribed, FALSE) AS unsubscribed,
    first_order_at, last_order_at, last_seen_at, last_open_at, last_viewed_product,
    last_cart_product, first_category, coalesce(products_30d, 0) AS products_30d,
    viewed_category, bought_category, coalesce(margin_180d, 0) AS margin_180d,
    coalesce(pieces_180d, 0) AS pieces_180d, last_5_views_price,
    coalesce(last_3_orders, 0) AS last_3_orders, coalesce(days_in_a_row, 0) AS days_in_a_row,
    coalesce(interest, 0) AS interest, cart_left_at, bought_after_mail_at, looked_and_bought_at,
    spend_total / nullif(orders_total, 0) AS per_order,
    (epoch_us($now) - epoch_us(last_order_at)) // 86400000000 AS recency_days,
    coalesce(bought_category, viewed_category) AS likes
  FROM people
    LEFT JOIN facts USING (person_id) LEFT JOIN lines USING (person_id)
    LEFT JOIN products USING (person_id) LEFT JOIN viewed USING (person_id)
    LEFT JOIN bought USING (person_id) LEFT JOIN last_views USING (person_id)
    LEFT JOIN last_orders USING (person_id) LEFT JOIN streaks USING (person_id)
    LEFT JOIN carts USING (person_id) LEFT JOIN mails USING (person_id)
    LEFT JOIN baskets USING (person_id)
),
features AS (
  SELECT *,
    CASE WHEN orders_total > 0 THEN 1 + 10 * (rank() OVER (PARTITION BY orders_total > 0
      ORDER BY round(spend_total, 6)) - 1) // count(*) OVER (PARTITION BY orders_total > 0) END
      AS spend_tenth,
    CASE WHEN orders_total > 0 THEN 1 + 5 * (rank() OVER (PARTITION BY orders_total > 0
      ORDER BY recency_days DESC) - 1) // count(*) OVER (PARTITION BY orders_total > 0) END
      AS recency_fifth,
    CAST(timezone(local_zone, timezone('UTC', $now)) AS DATE) AS today,
    -- The next return of the birthday; one of 29 February is kept on the 28th.
    CAST(birthday + to_years(CAST(year(today) - year(birthday) AS INTEGER)) AS DATE) AS this_year,
    CASE WHEN this_year >= today THEN this_year
      ELSE CAST(birthday + to_years(CAST(year(today) - year(birthday) + 1 AS INTEGER)) AS DATE) END
      - today AS to_birthday
  FROM together
)
SELECT * EXCLUDE (local_zone, today, this_year, to_birthday, country, email_domain, birthday),
  orders_total > 0 AS buyers,
  orders_total = 0 AS never_bought,
  orders_total = 1 AS first_time_buyers,
  orders_total >= 2 AS repeat_buyers,
  orders_30d >= 3 AS often_30d,
  spend_180d > 500 AS big_spenders,
  coalesce(spend_tenth = 10, FALSE) AS whales,
  round(spend_total, 6) BETWEEN 0.01 AND 50 AS small_spenders,
  round(spend_total, 6) <= 0 AND orders_total > 0 AS refunded_most,
  coalesce(last_order_at > $now - INTERVAL 30 DAY, FALSE) AS recent_buyers,
  coalesce(last_order_at < $now - INTERVAL 120 DAY, FALSE) AS lapsed,
  lapsed AND spend_total > 300 AS lapsed_big,
  repeat_buyers AND last_order_at < $now - INTERVAL 60 DAY AS at_risk,
  recent_buyers AND first_order_at < $now - INTERVAL 180 DAY AS won_back,
  coalesce(first_order_at > $now - INTERVAL 30 DAY, FALSE) AS new_buyers,
  coalesce(recency_fifth = 5 AND spend_tenth >= 8, FALSE) AS champions,
  coalesce(recency_fifth = 1, FALSE) AS hibernating,
  coalesce(last_seen_at > $now - INTERVAL 1 DAY, FALSE) AS active_today,
  coalesce(last_seen_at > $now - INTERVAL 7 DAY, FALSE) AS active_week,
  coalesce(last_seen_at < $now - INTERVAL 90 DAY, TRUE) AS quiet,
  views_30d >= 10 AND orders_90d = 0 AS window_shoppers,
  dear_views_30d >= 5 AS dear_taste,
  coalesce(round(last_5_views_price, 6) < 20, FALSE) AS bargain_hunters,
  coalesce(cart_left_at > $now - INTERVAL 3 DAY, FALSE) AS cart_leavers,
  cart_leavers AND spend_total > 200 AS cart_leavers_rich,
  bought_after_mail_at IS NOT NULL AS mail_buyers,
  coalesce(looked_and_bought_at > $now - INTERVAL 14 DAY, FALSE) AS quick_buyers,
  interest > 40 AS hot,
  interest BETWEEN 10 AND 40 AS warm,
  interest < 1 AS cold,
  days_in_a_row >= 3 AS loyal_days,
  opens_90d >= 3 AS readers,
  clicks_90d >= 1 AS clickers,
  mails_90d >= 5 AND opens_90d = 0 AS unread,
  NOT unsubscribed AND NOT bounced AND email_domain IS NOT NULL AS mailable,
  mailable AND hot AS mailable_hot,
  coalesce(likes = 'Garden', FALSE) AS gardeners,
  coalesce(bought_category = 'Kitchen', FALSE) OR coalesce(viewed_category = 'Kitchen', FALSE)
    AS cooks,
  products_30d >= 8 AS explorers,
  round(margin_180d, 6) > 60 AS margin_makers,
  pieces_180d >= 12 AS bulk,
  round(spend_30d, 6) > 0.5 * round(spend_180d, 6) AND spend_180d > 100 AS rising,
  coalesce(biggest_order > 2 * mean_order_180d, FALSE) AS splurged,
  coalesce(to_birthday <= 7, FALSE) AS birthday_soon,
  coalesce(country = 'France', FALSE) AS french,
  french AND buyers AS french_buyers,
  searches_30d >= 2 AND carts_30d = 0 AS searchers,
  last_3_orders > 400 AS spent_3,
  country AS in_country,
  likes AS in_category
FROM features
