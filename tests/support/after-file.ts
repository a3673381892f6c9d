/** What Jest does after every test file. */
import { removeFolders } from './folder';

afterAll(removeFolders);
