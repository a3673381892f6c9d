/** Projects with a server of their own, as users have them; the server of a failed test is ended with the file. */
import { endServerOf } from './embedded';
import { closeProjects, openProject, type Project } from './project';

const opened: Project[] = [];

/** @param configure writes its files */
export function openOwnProject(configure: (project: Project) => void): Project {
  const project = openProject();
  project.env['TEMPORAL_ADDRESS'] = undefined;
  opened.push(project);
  configure(project);
  return project;
}

export async function closeOwnProjects(): Promise<void> {
  await closeProjects();
  for (const project of opened.splice(0)) endServerOf(project.dir);
}
