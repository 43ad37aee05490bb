WITH "population" AS (
  SELECT
    "person_id",
    CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) AS "as_of"
  FROM "people"
), "facts_events" AS (
  SELECT
    "e"."person_id",
    COUNT(*) FILTER(WHERE
      "e"."name" IN ('Order Completed')
      AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '30 DAY') AS "orders_30d",
    pg_temp.divided(pg_temp.round_half_away(SUM(pg_temp.round_half_away(pg_temp.times(CAST("e"."revenue" AS DOUBLE PRECISION), CAST(1e6 AS DOUBLE PRECISION)))) FILTER(WHERE "e"."name" IN ('Order Completed', 'Order Refunded'))), CAST(1e6 AS DOUBLE PRECISION)) AS "spend",
    pg_temp.divided(pg_temp.divided(pg_temp.round_half_away(SUM(pg_temp.round_half_away(pg_temp.times(CAST("e"."revenue" AS DOUBLE PRECISION), CAST(1e6 AS DOUBLE PRECISION)))) FILTER(WHERE "e"."name" IN ('Order Completed') AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '7 DAY')), CAST(1e6 AS DOUBLE PRECISION)), NULLIF(COUNT("e"."revenue") FILTER(WHERE "e"."name" IN ('Order Completed') AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '7 DAY'), 0)) AS "mean_7d",
    BOOL_OR((
      "e"."price" > 100
    )) FILTER(WHERE
      "e"."name" IN ('Product Viewed')) AS "ever_dear",
    COUNT(*) FILTER(WHERE
      CASE
        WHEN "e"."name" IN ('Email Opened')
        THEN (
          COALESCE(
            ((CAST("e"."properties" AS json) #>> '{"verdict"}') COLLATE "C"),
            ('human' COLLATE "C")
          ) <> 'machine'
        )
        ELSE FALSE
      END) AS "opens",
    pg_temp.round_to(SUM(pg_temp.times(CASE "e"."name" WHEN 'Product Viewed' THEN CAST(1.0e0 AS DOUBLE PRECISION) WHEN 'Product Added' THEN CAST(3.0e0 AS DOUBLE PRECISION) END, (POWER(CAST(2e0 AS DOUBLE PRECISION), GREATEST(pg_temp.divided((-(pg_temp.micros(CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)) - pg_temp.micros("e"."at"))), CAST(1209600000000.0 AS DOUBLE PRECISION)), -CAST(1000e0 AS DOUBLE PRECISION)))))) FILTER(WHERE "e"."name" IN ('Product Viewed', 'Product Added') AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '90 DAY'), 1e6) AS "interest"
  FROM "events" AS "e"
  WHERE
    "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
    AND (
      "e"."name" IN ('Order Completed', 'Order Refunded', 'Product Viewed', 'Email Opened')
      OR "e"."name" IN ('Product Added')
      AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '90 DAY'
    )
  GROUP BY
    "e"."person_id"
), "facts_events_in_order" AS (
  SELECT
    "e person_id" AS "person_id",
    MAX("pick 1") AS "last_product"
  FROM (
    SELECT
      CASE
        WHEN ROW_NUMBER() OVER (
          PARTITION BY "e"."person_id"
          ORDER BY CASE
            WHEN (
              NOT "e"."product_id" IS NULL
            ) AND NOT "e"."product_id" IS NULL
            THEN 0
            ELSE 1
          END ASC, "e"."at" DESC NULLS LAST, "e"."event_id" DESC NULLS LAST
        ) = 1
        AND (
          (
            NOT "e"."product_id" IS NULL
          ) AND NOT "e"."product_id" IS NULL
        )
        THEN "e"."product_id"
      END AS "pick 1",
      "e"."person_id" AS "e person_id"
    FROM "events" AS "e"
    WHERE
      "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
      AND "e"."name" IN ('Product Viewed', 'Order Completed')
      AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '90 DAY'
  ) AS "facts"
  GROUP BY
    "e person_id"
), "facts_last_order_completed_ranked" AS (
  SELECT
    "e".*,
    ROW_NUMBER() OVER (
      PARTITION BY "e"."person_id"
      ORDER BY "e"."at" DESC NULLS LAST, "e"."event_id" DESC NULLS LAST
    ) AS "newest"
  FROM "events" AS "e"
  WHERE
    "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
    AND "e"."name" IN ('Order Completed')
    AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '90 DAY'
), "facts_last_order_completed" AS (
  SELECT
    "e"."person_id",
    pg_temp.divided(pg_temp.round_half_away(SUM(pg_temp.round_half_away(pg_temp.times(CAST("e"."revenue" AS DOUBLE PRECISION), CAST(1e6 AS DOUBLE PRECISION))))), CAST(1e6 AS DOUBLE PRECISION)) AS "last_two"
  FROM "facts_last_order_completed_ranked" AS "e"
  WHERE
    "e"."newest" <= 2
  GROUP BY
    "e"."person_id"
), "facts_events_by_category_values" AS (
  SELECT
    "e"."person_id",
    "e"."category" AS "value",
    COUNT(*) AS "viewed_most found",
    MAX("e"."at") AS "viewed_most latest",
    COUNT(*) AS "categories found"
  FROM "events" AS "e"
  WHERE
    "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
    AND "e"."name" IN ('Product Viewed')
    AND NOT "e"."category" IS NULL
  GROUP BY
    "e"."person_id",
    "e"."category"
), "facts_events_by_category" AS (
  SELECT
    "person_id" AS "person_id",
    MAX("pick 1") AS "viewed_most",
    COUNT(*) FILTER(WHERE
      "categories found" > 0) AS "categories"
  FROM (
    SELECT
      CASE
        WHEN ROW_NUMBER() OVER (
          PARTITION BY "person_id"
          ORDER BY CASE WHEN (
            "viewed_most found" > 0
          ) AND NOT "value" IS NULL THEN 0 ELSE 1 END ASC, "viewed_most found" DESC NULLS LAST, "viewed_most latest" DESC NULLS LAST, "value" DESC NULLS LAST
        ) = 1
        AND (
          (
            "viewed_most found" > 0
          ) AND NOT "value" IS NULL
        )
        THEN "value"
      END AS "pick 1",
      "person_id" AS "person_id",
      "categories found" AS "categories found"
    FROM "facts_events_by_category_values"
  ) AS "facts"
  GROUP BY
    "person_id"
), "facts_order_lines_by_category_values" AS (
  SELECT
    "e"."person_id",
    "e"."category" AS "value",
    COUNT(*) AS "spent_most found",
    pg_temp.round_half_away(SUM(pg_temp.round_half_away(pg_temp.times(COALESCE(CAST("e"."revenue" AS DOUBLE PRECISION), CAST(0e0 AS DOUBLE PRECISION)), CAST(1e6 AS DOUBLE PRECISION))))) AS "spent_most total",
    MAX("e"."at") AS "spent_most latest"
  FROM "order_lines" AS "e"
  WHERE
    "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
    AND "e"."name" IN ('Order Completed')
    AND NOT "e"."category" IS NULL
  GROUP BY
    "e"."person_id",
    "e"."category"
), "facts_order_lines_by_category" AS (
  SELECT
    "person_id" AS "person_id",
    MAX("pick 1") AS "spent_most"
  FROM (
    SELECT
      CASE
        WHEN ROW_NUMBER() OVER (
          PARTITION BY "person_id"
          ORDER BY CASE WHEN (
            "spent_most found" > 0
          ) AND NOT "value" IS NULL THEN 0 ELSE 1 END ASC, "spent_most total" DESC NULLS LAST, "spent_most latest" DESC NULLS LAST, "value" DESC NULLS LAST
        ) = 1
        AND (
          (
            "spent_most found" > 0
          ) AND NOT "value" IS NULL
        )
        THEN "value"
      END AS "pick 1",
      "person_id" AS "person_id"
    FROM "facts_order_lines_by_category_values"
  ) AS "facts"
  GROUP BY
    "person_id"
), "facts_order_lines" AS (
  SELECT
    "e"."person_id",
    pg_temp.divided(pg_temp.round_half_away(SUM(pg_temp.round_half_away(pg_temp.times(CAST((pg_temp.times("e"."quantity", "item"."margin")) AS DOUBLE PRECISION), CAST(1e6 AS DOUBLE PRECISION))))), CAST(1e6 AS DOUBLE PRECISION)) AS "margin"
  FROM "order_lines" AS "e"
  LEFT JOIN "items" AS "item"
    ON "item"."item_id" = "e"."product_id"
  WHERE
    "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
    AND "e"."name" IN ('Order Completed')
  GROUP BY
    "e"."person_id"
), "streak_days_in_a_row_facts" AS (
  SELECT DISTINCT
    "e"."person_id",
    (CAST(timezone("who"."local_zone", timezone('UTC', "e"."at")) AS DATE) - CAST('1970-01-01' AS DATE)) AS "period",
    (CAST(timezone("who"."local_zone", timezone('UTC', CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP))) AS DATE) - CAST('1970-01-01' AS DATE)) AS "current_period"
  FROM "events" AS "e"
  JOIN "people" AS "who"
    ON "who"."person_id" = "e"."person_id"
  WHERE
    "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
    AND "e"."name" IN ('Product Viewed')
    AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '370 DAY'
    AND "e"."person_id" IN (
      SELECT
        "e"."person_id"
      FROM "events" AS "e"
      WHERE
        "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
        AND "e"."name" IN ('Product Viewed')
        AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '4 DAY'
    )
), "streak_days_in_a_row_runs" AS (
  SELECT
    *,
    "period" + ROW_NUMBER() OVER (PARTITION BY "person_id" ORDER BY "period" DESC NULLS LAST) AS "run",
    MAX("period") OVER (PARTITION BY "person_id") AS "newest"
  FROM "streak_days_in_a_row_facts"
  WHERE
    "period" <= "current_period"
), "streak_days_in_a_row" AS (
  SELECT
    "person_id",
    LEAST(COUNT(*), 366) AS "days_in_a_row"
  FROM "streak_days_in_a_row_runs"
  WHERE
    "newest" >= "current_period" - 1 AND "run" = "newest" + 1
  GROUP BY
    "person_id"
), "streak_weeks_in_a_row_facts" AS (
  SELECT DISTINCT
    "e"."person_id",
    CAST(FLOOR(
      pg_temp.divided(((CAST(timezone("who"."local_zone", timezone('UTC', "e"."at")) AS DATE) - CAST('1970-01-01' AS DATE)) + 3), CAST(7e0 AS DOUBLE PRECISION))
    ) AS BIGINT) AS "period",
    CAST(FLOOR(
      pg_temp.divided(((CAST(timezone("who"."local_zone", timezone('UTC', CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP))) AS DATE) - CAST('1970-01-01' AS DATE)) + 3), CAST(7e0 AS DOUBLE PRECISION))
    ) AS BIGINT) AS "current_period"
  FROM "events" AS "e"
  JOIN "people" AS "who"
    ON "who"."person_id" = "e"."person_id"
  WHERE
    "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
    AND "e"."name" IN ('Product Viewed')
    AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '2580 DAY'
    AND "e"."person_id" IN (
      SELECT
        "e"."person_id"
      FROM "events" AS "e"
      WHERE
        "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
        AND "e"."name" IN ('Product Viewed')
        AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '16 DAY'
    )
), "streak_weeks_in_a_row_runs" AS (
  SELECT
    *,
    "period" + ROW_NUMBER() OVER (PARTITION BY "person_id" ORDER BY "period" DESC NULLS LAST) AS "run",
    MAX("period") OVER (PARTITION BY "person_id") AS "newest"
  FROM "streak_weeks_in_a_row_facts"
  WHERE
    "period" <= "current_period"
), "streak_weeks_in_a_row" AS (
  SELECT
    "person_id",
    LEAST(COUNT(*), 366) AS "weeks_in_a_row"
  FROM "streak_weeks_in_a_row_runs"
  WHERE
    "newest" >= "current_period" - 1 AND "run" = "newest" + 1
  GROUP BY
    "person_id"
), "streak_months_in_a_row_facts" AS (
  SELECT DISTINCT
    "e"."person_id",
    (
      pg_temp.part('year', timezone("who"."local_zone", timezone('UTC', "e"."at"))) * 12 + pg_temp.part('month', timezone("who"."local_zone", timezone('UTC', "e"."at")))
    ) AS "period",
    (
      pg_temp.part('year', timezone("who"."local_zone", timezone('UTC', CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)))) * 12 + pg_temp.part('month', timezone("who"."local_zone", timezone('UTC', CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP))))
    ) AS "current_period"
  FROM "events" AS "e"
  JOIN "people" AS "who"
    ON "who"."person_id" = "e"."person_id"
  WHERE
    "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
    AND "e"."name" IN ('Product Viewed')
    AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '11408 DAY'
    AND "e"."person_id" IN (
      SELECT
        "e"."person_id"
      FROM "events" AS "e"
      WHERE
        "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
        AND "e"."name" IN ('Product Viewed')
        AND "e"."at" > CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP) - INTERVAL '64 DAY'
    )
), "streak_months_in_a_row_runs" AS (
  SELECT
    *,
    "period" + ROW_NUMBER() OVER (PARTITION BY "person_id" ORDER BY "period" DESC NULLS LAST) AS "run",
    MAX("period") OVER (PARTITION BY "person_id") AS "newest"
  FROM "streak_months_in_a_row_facts"
  WHERE
    "period" <= "current_period"
), "streak_months_in_a_row" AS (
  SELECT
    "person_id",
    LEAST(COUNT(*), 366) AS "months_in_a_row"
  FROM "streak_months_in_a_row_runs"
  WHERE
    "newest" >= "current_period" - 1 AND "run" = "newest" + 1
  GROUP BY
    "person_id"
), "sequence_left_a_cart_facts" AS (
  SELECT
    "e"."person_id",
    "e"."at" AS "moment",
    "e"."event_id",
    (
      "e"."name" IN ('Product Added')
    ) AS "reached_1",
    (
      "e"."name" IN ('Order Completed')
    ) AS "fits_2"
  FROM "events" AS "e"
  WHERE
    "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
    AND "e"."name" IN ('Product Added', 'Order Completed')
), "sequence_left_a_cart_after" AS (
  SELECT
    *,
    MIN(CASE WHEN "fits_2" THEN "moment" END) OVER (
      PARTITION BY "person_id"
      ORDER BY "moment", "event_id"
      ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS "forbidden"
  FROM "sequence_left_a_cart_facts"
), "sequence_left_a_cart" AS (
  SELECT
    "person_id",
    MAX("moment" + INTERVAL '1 DAY') AS "left_a_cart"
  FROM "sequence_left_a_cart_after"
  WHERE
    "reached_1"
    AND COALESCE("forbidden" > "moment" + INTERVAL '1 DAY', TRUE)
    AND "moment" + INTERVAL '1 DAY' <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
  GROUP BY
    "person_id"
), "sequence_came_back_facts" AS (
  SELECT
    "e"."person_id",
    "e"."at" AS "moment",
    "e"."event_id",
    (
      "e"."name" IN ('Email Opened')
    ) AS "reached_1",
    (
      "e"."name" IN ('Product Viewed')
    ) AS "fits_2",
    (
      "e"."name" IN ('Order Completed')
    ) AS "fits_3",
    ROW_NUMBER() OVER (PARTITION BY "e"."person_id" ORDER BY "e"."at", "e"."event_id") AS "place"
  FROM "events" AS "e"
  WHERE
    "e"."at" <= CAST('2026-03-02 09:30:00.000000' AS TIMESTAMP)
    AND "e"."name" IN ('Email Opened', 'Product Viewed', 'Order Completed')
), "sequence_came_back_2" AS (
  SELECT
    *,
    (
      "fits_2"
      AND "moment" <= MAX(CASE WHEN "reached_1" THEN "moment" END) OVER (PARTITION BY "person_id" ORDER BY "place" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + INTERVAL '7200 SECOND'
    ) AS "reached_2"
  FROM "sequence_came_back_facts"
), "sequence_came_back_3" AS (
  SELECT
    *,
    (
      "fits_3"
      AND "moment" <= MAX(CASE WHEN "reached_2" THEN "moment" END) OVER (PARTITION BY "person_id" ORDER BY "place" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + INTERVAL '1 DAY'
    ) AS "reached_3"
  FROM "sequence_came_back_2"
), "sequence_came_back" AS (
  SELECT
    "person_id",
    MAX("moment") AS "came_back"
  FROM "sequence_came_back_3"
  WHERE
    "reached_3"
  GROUP BY
    "person_id"
), "layer_0" AS (
  SELECT
    "population"."person_id",
    "population"."as_of",
    COALESCE("facts_events"."orders_30d", 0) AS "orders_30d",
    COALESCE("facts_events"."spend", CAST(0.0e0 AS DOUBLE PRECISION)) AS "spend",
    "facts_events"."mean_7d" AS "mean_7d",
    "facts_events"."ever_dear" AS "ever_dear",
    COALESCE("facts_events"."opens", 0) AS "opens",
    COALESCE("facts_events"."interest", CAST(0.0e0 AS DOUBLE PRECISION)) AS "interest",
    "facts_events_in_order"."last_product" AS "last_product",
    COALESCE("facts_last_order_completed"."last_two", CAST(0.0e0 AS DOUBLE PRECISION)) AS "last_two",
    "facts_events_by_category"."viewed_most" AS "viewed_most",
    COALESCE("facts_events_by_category"."categories", 0) AS "categories",
    "facts_order_lines_by_category"."spent_most" AS "spent_most",
    COALESCE("facts_order_lines"."margin", CAST(0.0e0 AS DOUBLE PRECISION)) AS "margin",
    COALESCE("streak_days_in_a_row"."days_in_a_row", 0) AS "days_in_a_row",
    COALESCE("streak_weeks_in_a_row"."weeks_in_a_row", 0) AS "weeks_in_a_row",
    COALESCE("streak_months_in_a_row"."months_in_a_row", 0) AS "months_in_a_row",
    "sequence_left_a_cart"."left_a_cart" AS "left_a_cart",
    "sequence_came_back"."came_back" AS "came_back",
    "people"."country" AS "country"
  FROM "population"
  LEFT JOIN "facts_events"
    ON "facts_events"."person_id" = "population"."person_id"
  LEFT JOIN "facts_events_in_order"
    ON "facts_events_in_order"."person_id" = "population"."person_id"
  LEFT JOIN "facts_last_order_completed"
    ON "facts_last_order_completed"."person_id" = "population"."person_id"
  LEFT JOIN "facts_events_by_category"
    ON "facts_events_by_category"."person_id" = "population"."person_id"
  LEFT JOIN "facts_order_lines_by_category"
    ON "facts_order_lines_by_category"."person_id" = "population"."person_id"
  LEFT JOIN "facts_order_lines"
    ON "facts_order_lines"."person_id" = "population"."person_id"
  LEFT JOIN "streak_days_in_a_row"
    ON "streak_days_in_a_row"."person_id" = "population"."person_id"
  LEFT JOIN "streak_weeks_in_a_row"
    ON "streak_weeks_in_a_row"."person_id" = "population"."person_id"
  LEFT JOIN "streak_months_in_a_row"
    ON "streak_months_in_a_row"."person_id" = "population"."person_id"
  LEFT JOIN "sequence_left_a_cart"
    ON "sequence_left_a_cart"."person_id" = "population"."person_id"
  LEFT JOIN "sequence_came_back"
    ON "sequence_came_back"."person_id" = "population"."person_id"
  LEFT JOIN "people"
    ON "people"."person_id" = "population"."person_id"
), "layer_1" AS (
  SELECT
    *,
    CAST(pg_temp.round_to(CAST((pg_temp.divided("spend", NULLIF(CAST(NULLIF("orders_30d", 0) AS DOUBLE PRECISION), 0))) AS DOUBLE PRECISION), 1e2) AS DOUBLE PRECISION) AS "per_order",
    CASE
      WHEN (
        NOT "spend" IS NULL AND COALESCE((
          "orders_30d" > 0
        ), FALSE)
      )
      THEN CAST(1 + FLOOR(
        CAST(5 * (
          RANK() OVER (
            PARTITION BY "as_of", (
              NOT "spend" IS NULL AND COALESCE((
                "orders_30d" > 0
              ), FALSE)
            )
            ORDER BY "spend" ASC
          ) - 1
        ) AS DOUBLE PRECISION) / (
          COUNT(*) OVER (
            PARTITION BY "as_of", (
              NOT "spend" IS NULL AND COALESCE((
                "orders_30d" > 0
              ), FALSE)
            )
          )
        )
      ) AS BIGINT)
    END AS "fifth"
  FROM "layer_0"
), "layer_2" AS (
  SELECT
    *,
    CAST((CASE WHEN ("fifth" >= 4) THEN ('best' COLLATE "C") WHEN (lower("country" COLLATE "C.utf8") COLLATE "C" LIKE 'f%' ESCAPE '') THEN ('rest' COLLATE "C") END) AS TEXT) COLLATE "C" AS "kind"
  FROM "layer_1"
)
SELECT
  "person_id",
  "as_of",
  "orders_30d",
  "spend",
  "mean_7d",
  "last_product",
  "ever_dear",
  "opens",
  "last_two",
  "viewed_most",
  "spent_most",
  "margin",
  "categories",
  "days_in_a_row",
  "weeks_in_a_row",
  "months_in_a_row",
  "interest",
  "left_a_cart",
  "came_back",
  "per_order",
  "fifth",
  "kind"
FROM "layer_2";
