WITH `subjects` AS (
  SELECT
    `population`.*,
    CASE
      WHEN `people`.`first_seen_at` <= `population`.`as_of`
      THEN `people`.`first_seen_at`
    END AS `first_seen_at`,
    `people`.`email_domain` AS `email_domain`,
    `people`.`email_kind` AS `email_kind`,
    `people`.`country` AS `country`,
    `people`.`signed_up_at` AS `signed_up_at`,
    `people`.`born_on` AS `born_on`,
    `people`.`local_zone`
  FROM `current_features` AS `population`
  JOIN `people`
    USING (`person_id`)
), `segments_0` AS (
  SELECT
    *,
    COALESCE(
      (
        (
          `orders_30d` > 0
        ) AND (
          NOT (
            `last_product` IS NULL
          )
        )
      ),
      FALSE
    ) AS `segment buyers`,
    COALESCE(
      (
        COALESCE(`signed_up_at`, TIMESTAMP_NTZ '-197999-01-01 00:00:00') > (
          CAST(`as_of` AS TIMESTAMP_NTZ) - INTERVAL '129600000000' MICROSECOND
        )
      ),
      FALSE
    ) AS `segment new_here`,
    COALESCE(
      (
        (
          (
            CAST(FLOOR(
              (
                unix_micros(CAST(nullif(nullif(CAST(make_date(CAST((CAST(floor(date_part('year', nullif(nullif(CAST(CAST(convert_timezone('UTC', `local_zone`, CAST(`as_of` AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) + CASE WHEN CAST(floor(date_part('month', nullif(nullif(CAST(`born_on` AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) * 100 + CAST(floor(date_part('day', nullif(nullif(CAST(`born_on` AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) < CAST(floor(date_part('month', nullif(nullif(CAST(CAST(convert_timezone('UTC', `local_zone`, CAST(`as_of` AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) * 100 + CAST(floor(date_part('day', nullif(nullif(CAST(CAST(convert_timezone('UTC', `local_zone`, CAST(`as_of` AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) THEN 1 ELSE 0 END) AS INT), CAST(CASE WHEN (CAST(floor(date_part('month', nullif(nullif(CAST(`born_on` AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) = 2 AND CAST(floor(date_part('day', nullif(nullif(CAST(`born_on` AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) = 29) THEN 3 ELSE CAST(floor(date_part('month', nullif(nullif(CAST(`born_on` AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) END AS INT), CAST(CASE WHEN (CAST(floor(date_part('month', nullif(nullif(CAST(`born_on` AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) = 2 AND CAST(floor(date_part('day', nullif(nullif(CAST(`born_on` AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) = 29) THEN 1 ELSE CAST(floor(date_part('day', nullif(nullif(CAST(`born_on` AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) END AS INT)) AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00') AS TIMESTAMP_LTZ)) - unix_micros(CAST(nullif(nullif(CAST(CAST(convert_timezone('UTC', `local_zone`, CAST(`as_of` AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00') AS TIMESTAMP_LTZ))
              ) / 86400000000e0D
            ) AS BIGINT) - CASE
              WHEN (
                CAST(floor(date_part('month', nullif(nullif(CAST(`born_on` AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) = 2
                AND CAST(floor(date_part('day', nullif(nullif(CAST(`born_on` AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) = 29
              )
              THEN 1
              ELSE 0
            END
          ) <= 7
        )
        AND (
          CAST(floor(date_part('hour', nullif(nullif(CAST(convert_timezone('UTC', `local_zone`, CAST(`as_of` AS TIMESTAMP_NTZ)) AS TIMESTAMP_NTZ), TIMESTAMP_NTZ '-197999-01-01 00:00:00'), TIMESTAMP_NTZ '+202001-01-01 00:00:00'))) AS BIGINT) >= 9
        )
      ),
      FALSE
    ) AS `segment birthday`,
    CAST(`kind` AS STRING) AS `segment of_kind`
  FROM `subjects`
), `families_0` AS (
  SELECT
    *,
    COALESCE(`segment of_kind` = 'best', FALSE) AS `segment of_kind:best`
  FROM `segments_0`
), `segments_1` AS (
  SELECT
    *,
    COALESCE(
      (
        (
          `left_a_cart` > (
            CAST((CAST(`as_of` AS TIMESTAMP_NTZ)) AS TIMESTAMP_NTZ) - INTERVAL '1' MONTH
          )
        )
        AND (
          NOT `segment buyers`
        )
      ),
      FALSE
    ) AS `segment waiting`,
    COALESCE(
      (
        `segment of_kind:best`
        OR (
          try_cast(regexp_extract(TRIM(' ' FROM `country`), '^[+-]?([0-9]{1,30}([.][0-9]{0,30})?|[.][0-9]{1,30})([eE][+-]?[0-9]{1,2})?\\z', 0) AS DOUBLE) > 1
        )
        OR (
          `kind` < 'c'
        )
      ),
      FALSE
    ) AS `segment best_or_big`
  FROM `families_0`
)
SELECT
  *
FROM `segments_1`;
