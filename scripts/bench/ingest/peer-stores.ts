/** An event as the app echoes it. */
export type Row = Readonly<Record<string, unknown>>;

/** Stores rows in one transaction; resolves when it is committed and flushed. */
export type Insert = (rows: readonly Row[]) => Promise<void>;

const COLUMNS = [
  'batch',
  'sequence',
  'customer',
  'product',
  'type',
  'timestamp',
  'context',
  'version',
] as const;
const TYPES = ['text', 'int', 'text', 'text', 'text', 'bigint', 'text', 'text'] as const;
const TABLE = `create table event (${COLUMNS.map((column, index) => `${column} ${TYPES[index]}`).join(', ')})`;

/** @param path - Of the database's file. */
export async function openSqlite(path: string): Promise<Insert> {
  const { default: Database } = await import('better-sqlite3');
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(TABLE);
  const statement = database.prepare(`insert into event values (${COLUMNS.map(() => '?').join(', ')})`);
  const insert = database.transaction((rows: readonly Row[]) => {
    for (const row of rows) statement.run(...COLUMNS.map((column) => valueOf(row, column)));
  });
  return (rows) => {
    insert(rows);
    return Promise.resolve();
  };
}

/** @param folder - Where the database server has its socket. */
export async function openPostgres(folder: string): Promise<Insert> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ host: folder, user: 'postgres', database: 'postgres' });
  await client.connect();
  await client.query(TABLE);
  const arrays = TYPES.map((type, index) => `$${index + 1}::${type}[]`).join(', ');
  const text = `insert into event select * from unnest(${arrays})`;
  return async (rows) => {
    const values = COLUMNS.map((column) => rows.map((row) => valueOf(row, column)));
    await client.query({ name: 'insert', text, values });
  };
}

function valueOf(row: Row, column: (typeof COLUMNS)[number]): unknown {
  const value = row[column];
  return column === 'context' ? JSON.stringify(value) : (value ?? null);
}
