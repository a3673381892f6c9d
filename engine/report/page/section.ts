/** One section of the page: a title with a remark beside what it is about. */
import { html, type Content, type Html } from './html';

export function section(title: string, remark: Content, body: Html): Html {
  return html`<section>
    <div>
      <h2>${title}</h2>
      ${remark ? html`<p class="aside">${remark}</p>` : ''}
    </div>
    <div>${body}</div>
  </section> `;
}
