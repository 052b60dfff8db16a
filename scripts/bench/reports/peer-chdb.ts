import { Session } from 'chdb';

/** Runs statements on the database in a folder: `FOLDER STATEMENT…`. */
const [folder = '', ...statements] = process.argv.slice(2);
const session = new Session(folder);
for (const statement of statements) session.query(statement);
