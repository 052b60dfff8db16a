import { DuckDBInstance } from '@duckdb/node-api';

/** Runs statements on two threads: `TEMPORARY-FOLDER STATEMENT…`. */
const [folder = '', ...statements] = process.argv.slice(2);
const instance = await DuckDBInstance.create(':memory:', { threads: '2', temp_directory: folder });
const connection = await instance.connect();
for (const statement of statements) await connection.run(statement);
