/** What Jest does around every test file. */
import fc from 'fast-check';
import { removeFolders } from './folder';

// Properties are tried with the same values in each run, or with those of another seed: PROPERTY_SEED=7 npx jest …
fc.configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 11) });

afterAll(removeFolders);
