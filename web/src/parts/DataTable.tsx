// A table that turns into cards on a phone. Roles are spelled out because CSS that changes `display`
// would otherwise take the table's meaning away from screen readers.
import type { ReactNode } from "react";
import styles from "./DataTable.module.css";

export interface Column<Row> {
  name: string;
  cell: (row: Row) => ReactNode;
  figures?: boolean;
  /** Takes what width is left. */
  wide?: boolean;
  /** Left out on a phone. */
  minor?: boolean;
}

export function DataTable<Row>({ label, columns, rows, id }: {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string;
}) {
  const look = ({ figures, wide, minor }: Column<Row>) =>
    [figures && styles.figures, wide && styles.wide, minor && styles.minor].filter(Boolean).join(" ");
  return (
    <div className={styles.frame}>
      <table role="table" aria-label={label} className={styles.table}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th role="columnheader" scope="col" key={column.name} className={look(column)}>{column.name}</th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr role="row" key={id(row)}>
              {columns.map((column) => (
                <td role="cell" key={column.name} data-name={column.name} className={look(column)}>
                  <div>{column.cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
