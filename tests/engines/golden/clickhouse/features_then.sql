WITH "population" AS (
  SELECT DISTINCT
    "person_id",
    CAST("as_of" AS Nullable(DateTime64(6, 'UTC'))) AS "as_of"
  FROM (
    SELECT
      "person_id",
      "as_of"
    FROM "population_given"
  ) AS "given_1"
  WHERE
    NOT (
      "person_id" IS NULL
    )
), "facts_events" AS (
  SELECT
    "p"."person_id" AS "person_id",
    "p"."as_of" AS "as_of",
    COUNT(*) FILTER(WHERE
      "e"."name" IN ('Order Completed')
      AND "e"."at" > CAST("p"."as_of" AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 30 DAY) AS "orders_30d",
    arrayMap(x -> (trunc(x) + if(abs(x - trunc(x)) >= 0.5, sign(x), 0)), [SUM(arrayMap(x -> (trunc(x) + if(abs(x - trunc(x)) >= 0.5, sign(x), 0)), [(CAST("e"."revenue" AS Nullable(Float64)) * 1e6)])[1]) FILTER(WHERE "e"."name" IN ('Order Completed', 'Order Refunded'))])[1] / 1e6 AS "spend",
    arrayMap(x -> (trunc(x) + if(abs(x - trunc(x)) >= 0.5, sign(x), 0)), [SUM(arrayMap(x -> (trunc(x) + if(abs(x - trunc(x)) >= 0.5, sign(x), 0)), [(CAST("e"."revenue" AS Nullable(Float64)) * 1e6)])[1]) FILTER(WHERE "e"."name" IN ('Order Completed') AND "e"."at" > CAST("p"."as_of" AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 7 DAY)])[1] / 1e6 / nullIf(
      COUNT("e"."revenue") FILTER(WHERE
        "e"."name" IN ('Order Completed')
        AND "e"."at" > CAST("p"."as_of" AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 7 DAY),
      0
    ) AS "mean_7d",
    MAX((
      "e"."price" > 100
    )) FILTER(WHERE
      "e"."name" IN ('Product Viewed')) AS "ever_dear",
    COUNT(*) FILTER(WHERE
      CASE
        WHEN "e"."name" IN ('Email Opened')
        THEN (
          COALESCE(
            multiIf(JSONType("e"."properties", 'verdict') = 'String', JSONExtractString("e"."properties", 'verdict'), JSONType("e"."properties", 'verdict') = 'Null', NULL, JSONType("e"."properties", 'verdict') = 'Double', if(match(JSONExtractRaw("e"."properties", 'verdict'), '[.e]'), JSONExtractRaw("e"."properties", 'verdict'), concat(JSONExtractRaw("e"."properties", 'verdict'), '.0')), JSONExtractRaw("e"."properties", 'verdict')),
            'human'
          ) <> 'machine'
        )
        ELSE FALSE
      END) AS "opens",
    arrayMap(x -> if(abs(x) < 1.7976931348623157e308 / 1e6, (trunc((x * 1e6)) + if(abs((x * 1e6) - trunc((x * 1e6))) >= 0.5, sign((x * 1e6)), 0)) / 1e6, x), [SUM(CASE "e"."name" WHEN 'Product Viewed' THEN 1.0e0 WHEN 'Product Added' THEN 3.0e0 END * POWER(2e0, GREATEST(-(toUnixTimestamp64Micro(nullIf(nullIf("p"."as_of", toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))) - toUnixTimestamp64Micro(nullIf(nullIf("e"."at", toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) / 1209600000000.0, -1000e0))) FILTER(WHERE "e"."name" IN ('Product Viewed', 'Product Added') AND "e"."at" > CAST("p"."as_of" AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 90 DAY)])[1] AS "interest"
  FROM "population" AS "p"
  JOIN "events" AS "e"
    ON "e"."person_id" = "p"."person_id" AND "e"."at" <= "p"."as_of"
  WHERE
    TRUE
    AND (
      "e"."name" IN ('Order Completed', 'Order Refunded', 'Product Viewed', 'Email Opened')
      OR "e"."name" IN ('Product Added')
      AND "e"."at" > CAST("p"."as_of" AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 90 DAY
    )
  GROUP BY
    "p"."person_id",
    "p"."as_of"
), "facts_events_in_order" AS (
  SELECT
    "p"."person_id" AS "person_id",
    "p"."as_of" AS "as_of",
    argMax("e"."product_id", tuple("e"."at", "e"."event_id")) FILTER(WHERE
      NOT (
        "e"."product_id" IS NULL
      ) AND NOT (
        "e"."product_id" IS NULL
      )) AS "last_product"
  FROM "population" AS "p"
  JOIN "events" AS "e"
    ON "e"."person_id" = "p"."person_id" AND "e"."at" <= "p"."as_of"
  WHERE
    TRUE
    AND "e"."name" IN ('Product Viewed', 'Order Completed')
    AND "e"."at" > CAST("p"."as_of" AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 90 DAY
  GROUP BY
    "p"."person_id",
    "p"."as_of"
), "facts_last_order_completed_ranked" AS (
  SELECT
    "e".*,
    "p"."as_of" AS "as_of",
    ROW_NUMBER() OVER (
      PARTITION BY "p"."person_id", "p"."as_of"
      ORDER BY "e"."at" DESC, "e"."event_id" DESC
    ) AS "newest"
  FROM "population" AS "p"
  JOIN "events" AS "e"
    ON "e"."person_id" = "p"."person_id" AND "e"."at" <= "p"."as_of"
  WHERE
    TRUE
    AND "e"."name" IN ('Order Completed')
    AND "e"."at" > CAST("p"."as_of" AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 90 DAY
), "facts_last_order_completed" AS (
  SELECT
    "e"."person_id" AS "person_id",
    "e"."as_of" AS "as_of",
    arrayMap(x -> (trunc(x) + if(abs(x - trunc(x)) >= 0.5, sign(x), 0)), [SUM(arrayMap(x -> (trunc(x) + if(abs(x - trunc(x)) >= 0.5, sign(x), 0)), [(CAST("e"."revenue" AS Nullable(Float64)) * 1e6)])[1])])[1] / 1e6 AS "last_two"
  FROM "facts_last_order_completed_ranked" AS "e"
  WHERE
    "e"."newest" <= 2
  GROUP BY
    "e"."person_id",
    "e"."as_of"
), "facts_events_by_category_values" AS (
  SELECT
    "p"."person_id" AS "person_id",
    "p"."as_of" AS "as_of",
    "e"."category" AS "value",
    COUNT(*) AS "viewed_most found",
    MAX("e"."at") AS "viewed_most latest",
    COUNT(*) AS "categories found"
  FROM "population" AS "p"
  JOIN "events" AS "e"
    ON "e"."person_id" = "p"."person_id" AND "e"."at" <= "p"."as_of"
  WHERE
    TRUE AND "e"."name" IN ('Product Viewed') AND NOT (
      "e"."category" IS NULL
    )
  GROUP BY
    "p"."person_id",
    "p"."as_of",
    "e"."category"
), "facts_events_by_category" AS (
  SELECT
    "person_id",
    "as_of",
    argMax("value", tuple("viewed_most found", "viewed_most latest", "value")) FILTER(WHERE
      "viewed_most found" > 0 AND NOT (
        "value" IS NULL
      )) AS "viewed_most",
    COUNT(*) FILTER(WHERE
      "categories found" > 0) AS "categories"
  FROM "facts_events_by_category_values"
  GROUP BY
    "person_id",
    "as_of"
), "facts_order_lines_by_category_values" AS (
  SELECT
    "p"."person_id" AS "person_id",
    "p"."as_of" AS "as_of",
    "e"."category" AS "value",
    COUNT(*) AS "spent_most found",
    arrayMap(x -> (trunc(x) + if(abs(x - trunc(x)) >= 0.5, sign(x), 0)), [SUM(arrayMap(x -> (trunc(x) + if(abs(x - trunc(x)) >= 0.5, sign(x), 0)), [(COALESCE(CAST("e"."revenue" AS Nullable(Float64)), 0e0) * 1e6)])[1])])[1] AS "spent_most total",
    MAX("e"."at") AS "spent_most latest"
  FROM "population" AS "p"
  JOIN "order_lines" AS "e"
    ON "e"."person_id" = "p"."person_id" AND "e"."at" <= "p"."as_of"
  WHERE
    TRUE AND "e"."name" IN ('Order Completed') AND NOT (
      "e"."category" IS NULL
    )
  GROUP BY
    "p"."person_id",
    "p"."as_of",
    "e"."category"
), "facts_order_lines_by_category" AS (
  SELECT
    "person_id",
    "as_of",
    argMax("value", tuple("spent_most total", "spent_most latest", "value")) FILTER(WHERE
      "spent_most found" > 0 AND NOT (
        "value" IS NULL
      )) AS "spent_most"
  FROM "facts_order_lines_by_category_values"
  GROUP BY
    "person_id",
    "as_of"
), "facts_order_lines" AS (
  SELECT
    "p"."person_id" AS "person_id",
    "p"."as_of" AS "as_of",
    arrayMap(x -> (trunc(x) + if(abs(x - trunc(x)) >= 0.5, sign(x), 0)), [SUM(arrayMap(x -> (trunc(x) + if(abs(x - trunc(x)) >= 0.5, sign(x), 0)), [(CAST(("e"."quantity" * "item"."margin") AS Nullable(Float64)) * 1e6)])[1])])[1] / 1e6 AS "margin"
  FROM "population" AS "p"
  JOIN "order_lines" AS "e"
    ON "e"."person_id" = "p"."person_id" AND "e"."at" <= "p"."as_of"
  LEFT JOIN "items" AS "item"
    ON "item"."item_id" = "e"."product_id"
  WHERE
    TRUE AND "e"."name" IN ('Order Completed')
  GROUP BY
    "p"."person_id",
    "p"."as_of"
), "streak_days_in_a_row_facts" AS (
  SELECT DISTINCT
    "p"."person_id" AS "person_id",
    "p"."as_of" AS "as_of",
    dateDiff('day', CAST('1970-01-01' AS Nullable(Date32)), CAST(toDateTime64(toString("e"."at", "who"."local_zone"), 6, 'UTC') AS Nullable(Date32))) AS "period",
    dateDiff('day', CAST('1970-01-01' AS Nullable(Date32)), CAST(toDateTime64(toString("p"."as_of", "who"."local_zone"), 6, 'UTC') AS Nullable(Date32))) AS "current_period"
  FROM "population" AS "p"
  JOIN "events" AS "e"
    ON "e"."person_id" = "p"."person_id" AND "e"."at" <= "p"."as_of"
  JOIN "people" AS "who"
    ON "who"."person_id" = "e"."person_id"
  WHERE
    TRUE
    AND "e"."name" IN ('Product Viewed')
    AND "e"."at" > CAST("p"."as_of" AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 370 DAY
), "streak_days_in_a_row_runs" AS (
  SELECT
    *,
    "period" + ROW_NUMBER() OVER (PARTITION BY "person_id", "as_of" ORDER BY "period" DESC) AS "run",
    MAX("period") OVER (PARTITION BY "person_id", "as_of") AS "newest"
  FROM "streak_days_in_a_row_facts"
  WHERE
    "period" <= "current_period"
), "streak_days_in_a_row" AS (
  SELECT
    "person_id",
    "as_of",
    LEAST(COUNT(*), 366) AS "days_in_a_row"
  FROM "streak_days_in_a_row_runs"
  WHERE
    "newest" >= "current_period" - 1 AND "run" = "newest" + 1
  GROUP BY
    "person_id",
    "as_of"
), "streak_weeks_in_a_row_facts" AS (
  SELECT DISTINCT
    "p"."person_id" AS "person_id",
    "p"."as_of" AS "as_of",
    CAST(FLOOR(
      (
        dateDiff('day', CAST('1970-01-01' AS Nullable(Date32)), CAST(toDateTime64(toString("e"."at", "who"."local_zone"), 6, 'UTC') AS Nullable(Date32))) + 3
      ) / 7e0
    ) AS Nullable(Int64)) AS "period",
    CAST(FLOOR(
      (
        dateDiff('day', CAST('1970-01-01' AS Nullable(Date32)), CAST(toDateTime64(toString("p"."as_of", "who"."local_zone"), 6, 'UTC') AS Nullable(Date32))) + 3
      ) / 7e0
    ) AS Nullable(Int64)) AS "current_period"
  FROM "population" AS "p"
  JOIN "events" AS "e"
    ON "e"."person_id" = "p"."person_id" AND "e"."at" <= "p"."as_of"
  JOIN "people" AS "who"
    ON "who"."person_id" = "e"."person_id"
  WHERE
    TRUE
    AND "e"."name" IN ('Product Viewed')
    AND "e"."at" > CAST("p"."as_of" AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 2580 DAY
), "streak_weeks_in_a_row_runs" AS (
  SELECT
    *,
    "period" + ROW_NUMBER() OVER (PARTITION BY "person_id", "as_of" ORDER BY "period" DESC) AS "run",
    MAX("period") OVER (PARTITION BY "person_id", "as_of") AS "newest"
  FROM "streak_weeks_in_a_row_facts"
  WHERE
    "period" <= "current_period"
), "streak_weeks_in_a_row" AS (
  SELECT
    "person_id",
    "as_of",
    LEAST(COUNT(*), 366) AS "weeks_in_a_row"
  FROM "streak_weeks_in_a_row_runs"
  WHERE
    "newest" >= "current_period" - 1 AND "run" = "newest" + 1
  GROUP BY
    "person_id",
    "as_of"
), "streak_months_in_a_row_facts" AS (
  SELECT DISTINCT
    "p"."person_id" AS "person_id",
    "p"."as_of" AS "as_of",
    (
      toInt64(toYear(nullIf(nullIf(toDateTime64(toString("e"."at", "who"."local_zone"), 6, 'UTC'), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) * 12 + toInt64(toMonth(nullIf(nullIf(toDateTime64(toString("e"."at", "who"."local_zone"), 6, 'UTC'), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))))
    ) AS "period",
    (
      toInt64(toYear(nullIf(nullIf(toDateTime64(toString("p"."as_of", "who"."local_zone"), 6, 'UTC'), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')))) * 12 + toInt64(toMonth(nullIf(nullIf(toDateTime64(toString("p"."as_of", "who"."local_zone"), 6, 'UTC'), toDateTime64('1900-01-01 00:00:00', 6, 'UTC')), toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))))
    ) AS "current_period"
  FROM "population" AS "p"
  JOIN "events" AS "e"
    ON "e"."person_id" = "p"."person_id" AND "e"."at" <= "p"."as_of"
  JOIN "people" AS "who"
    ON "who"."person_id" = "e"."person_id"
  WHERE
    TRUE
    AND "e"."name" IN ('Product Viewed')
    AND "e"."at" > CAST("p"."as_of" AS Nullable(DateTime64(6, 'UTC'))) - INTERVAL 11408 DAY
), "streak_months_in_a_row_runs" AS (
  SELECT
    *,
    "period" + ROW_NUMBER() OVER (PARTITION BY "person_id", "as_of" ORDER BY "period" DESC) AS "run",
    MAX("period") OVER (PARTITION BY "person_id", "as_of") AS "newest"
  FROM "streak_months_in_a_row_facts"
  WHERE
    "period" <= "current_period"
), "streak_months_in_a_row" AS (
  SELECT
    "person_id",
    "as_of",
    LEAST(COUNT(*), 366) AS "months_in_a_row"
  FROM "streak_months_in_a_row_runs"
  WHERE
    "newest" >= "current_period" - 1 AND "run" = "newest" + 1
  GROUP BY
    "person_id",
    "as_of"
), "sequence_left_a_cart_facts" AS (
  SELECT
    "p"."person_id" AS "person_id",
    "p"."as_of" AS "as_of",
    "e"."at" AS "moment",
    "e"."event_id" AS "event_id",
    (
      "e"."name" IN ('Product Added')
    ) AS "reached_1",
    (
      "e"."name" IN ('Order Completed')
    ) AS "fits_2"
  FROM "population" AS "p"
  JOIN "events" AS "e"
    ON "e"."person_id" = "p"."person_id" AND "e"."at" <= "p"."as_of"
  WHERE
    TRUE AND "e"."name" IN ('Product Added', 'Order Completed')
), "sequence_left_a_cart_after" AS (
  SELECT
    *,
    MIN(CASE WHEN "fits_2" THEN "moment" END) OVER (
      PARTITION BY "person_id", "as_of"
      ORDER BY "moment", "event_id"
      ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS "forbidden"
  FROM "sequence_left_a_cart_facts"
), "sequence_left_a_cart" AS (
  SELECT
    "person_id",
    "as_of",
    MAX(CAST("moment" AS Nullable(DateTime64(6, 'UTC'))) + INTERVAL 1 DAY) AS "left_a_cart"
  FROM "sequence_left_a_cart_after"
  WHERE
    "reached_1"
    AND COALESCE(
      "forbidden" > CAST("moment" AS Nullable(DateTime64(6, 'UTC'))) + INTERVAL 1 DAY,
      TRUE
    )
    AND CAST("moment" AS Nullable(DateTime64(6, 'UTC'))) + INTERVAL 1 DAY <= "as_of"
  GROUP BY
    "person_id",
    "as_of"
), "sequence_came_back_facts" AS (
  SELECT
    "p"."person_id" AS "person_id",
    "p"."as_of" AS "as_of",
    "e"."at" AS "moment",
    "e"."event_id" AS "event_id",
    (
      "e"."name" IN ('Email Opened')
    ) AS "reached_1",
    (
      "e"."name" IN ('Product Viewed')
    ) AS "fits_2",
    (
      "e"."name" IN ('Order Completed')
    ) AS "fits_3",
    ROW_NUMBER() OVER (PARTITION BY "p"."person_id", "p"."as_of" ORDER BY "e"."at", "e"."event_id") AS "place"
  FROM "population" AS "p"
  JOIN "events" AS "e"
    ON "e"."person_id" = "p"."person_id" AND "e"."at" <= "p"."as_of"
  WHERE
    TRUE AND "e"."name" IN ('Email Opened', 'Product Viewed', 'Order Completed')
), "sequence_came_back_2" AS (
  SELECT
    *,
    (
      "fits_2"
      AND "moment" <= CAST(MAX(CASE WHEN "reached_1" THEN "moment" END) OVER (PARTITION BY "person_id", "as_of" ORDER BY "place" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS Nullable(DateTime64(6, 'UTC'))) + INTERVAL 7200 SECOND
    ) AS "reached_2"
  FROM "sequence_came_back_facts"
), "sequence_came_back_3" AS (
  SELECT
    *,
    (
      "fits_3"
      AND "moment" <= CAST(MAX(CASE WHEN "reached_2" THEN "moment" END) OVER (PARTITION BY "person_id", "as_of" ORDER BY "place" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS Nullable(DateTime64(6, 'UTC'))) + INTERVAL 1 DAY
    ) AS "reached_3"
  FROM "sequence_came_back_2"
), "sequence_came_back" AS (
  SELECT
    "person_id",
    "as_of",
    MAX("moment") AS "came_back"
  FROM "sequence_came_back_3"
  WHERE
    "reached_3"
  GROUP BY
    "person_id",
    "as_of"
), "layer_0" AS (
  SELECT
    "population"."person_id" AS "person_id",
    "population"."as_of" AS "as_of",
    COALESCE("facts_events"."orders_30d", 0) AS "orders_30d",
    COALESCE("facts_events"."spend", 0.0e0) AS "spend",
    "facts_events"."mean_7d" AS "mean_7d",
    "facts_events"."ever_dear" AS "ever_dear",
    COALESCE("facts_events"."opens", 0) AS "opens",
    COALESCE("facts_events"."interest", 0.0e0) AS "interest",
    "facts_events_in_order"."last_product" AS "last_product",
    COALESCE("facts_last_order_completed"."last_two", 0.0e0) AS "last_two",
    "facts_events_by_category"."viewed_most" AS "viewed_most",
    COALESCE("facts_events_by_category"."categories", 0) AS "categories",
    "facts_order_lines_by_category"."spent_most" AS "spent_most",
    COALESCE("facts_order_lines"."margin", 0.0e0) AS "margin",
    COALESCE("streak_days_in_a_row"."days_in_a_row", 0) AS "days_in_a_row",
    COALESCE("streak_weeks_in_a_row"."weeks_in_a_row", 0) AS "weeks_in_a_row",
    COALESCE("streak_months_in_a_row"."months_in_a_row", 0) AS "months_in_a_row",
    "sequence_left_a_cart"."left_a_cart" AS "left_a_cart",
    "sequence_came_back"."came_back" AS "came_back",
    "people"."country" AS "country"
  FROM "population"
  LEFT JOIN "facts_events"
    ON "facts_events"."person_id" = "population"."person_id"
    AND "facts_events"."as_of" = "population"."as_of"
  LEFT JOIN "facts_events_in_order"
    ON "facts_events_in_order"."person_id" = "population"."person_id"
    AND "facts_events_in_order"."as_of" = "population"."as_of"
  LEFT JOIN "facts_last_order_completed"
    ON "facts_last_order_completed"."person_id" = "population"."person_id"
    AND "facts_last_order_completed"."as_of" = "population"."as_of"
  LEFT JOIN "facts_events_by_category"
    ON "facts_events_by_category"."person_id" = "population"."person_id"
    AND "facts_events_by_category"."as_of" = "population"."as_of"
  LEFT JOIN "facts_order_lines_by_category"
    ON "facts_order_lines_by_category"."person_id" = "population"."person_id"
    AND "facts_order_lines_by_category"."as_of" = "population"."as_of"
  LEFT JOIN "facts_order_lines"
    ON "facts_order_lines"."person_id" = "population"."person_id"
    AND "facts_order_lines"."as_of" = "population"."as_of"
  LEFT JOIN "streak_days_in_a_row"
    ON "streak_days_in_a_row"."person_id" = "population"."person_id"
    AND "streak_days_in_a_row"."as_of" = "population"."as_of"
  LEFT JOIN "streak_weeks_in_a_row"
    ON "streak_weeks_in_a_row"."person_id" = "population"."person_id"
    AND "streak_weeks_in_a_row"."as_of" = "population"."as_of"
  LEFT JOIN "streak_months_in_a_row"
    ON "streak_months_in_a_row"."person_id" = "population"."person_id"
    AND "streak_months_in_a_row"."as_of" = "population"."as_of"
  LEFT JOIN "sequence_left_a_cart"
    ON "sequence_left_a_cart"."person_id" = "population"."person_id"
    AND "sequence_left_a_cart"."as_of" = "population"."as_of"
  LEFT JOIN "sequence_came_back"
    ON "sequence_came_back"."person_id" = "population"."person_id"
    AND "sequence_came_back"."as_of" = "population"."as_of"
  LEFT JOIN "people"
    ON "people"."person_id" = "population"."person_id"
), "layer_1" AS (
  SELECT
    *,
    CAST(arrayMap(x -> if(abs(x) < 1.7976931348623157e308 / 1e2, (trunc((x * 1e2)) + if(abs((x * 1e2) - trunc((x * 1e2))) >= 0.5, sign((x * 1e2)), 0)) / 1e2, x), [CAST(("spend" / nullIf(CAST(nullIf("orders_30d", 0) AS Nullable(Float64)), 0)) AS Nullable(Float64))])[1] AS Nullable(Float64)) AS "per_order",
    CASE
      WHEN (
        NOT (
          "spend" IS NULL
        ) AND COALESCE((
          "orders_30d" > 0
        ), FALSE)
      )
      THEN CAST(1 + FLOOR(
        5 * (
          RANK() OVER (
            PARTITION BY "as_of", (
              NOT (
                "spend" IS NULL
              ) AND COALESCE((
                "orders_30d" > 0
              ), FALSE)
            )
            ORDER BY "spend" ASC
          ) - 1
        ) / (
          COUNT(*) OVER (
            PARTITION BY "as_of", (
              NOT (
                "spend" IS NULL
              ) AND COALESCE((
                "orders_30d" > 0
              ), FALSE)
            )
          )
        )
      ) AS Nullable(Int64))
    END AS "fifth"
  FROM "layer_0"
), "layer_2" AS (
  SELECT
    *,
    CAST((
      CASE
        WHEN (
          "fifth" >= 4
        )
        THEN 'best'
        WHEN (
          lowerUTF8(translateUTF8("country", 'İΣ', 'iσ')) LIKE 'f%'
        )
        THEN 'rest'
      END
    ) AS Nullable(String)) AS "kind"
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
