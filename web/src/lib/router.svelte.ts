// SPDX-License-Identifier: Apache-2.0
// Which view the address names. The server answers every /console/... with the same page.
import { isAdminView, type AdminView } from './admin';

export type View = 'files' | 'profile' | AdminView | PublicView;
// Those that need no session: what the links in mails lead to, the way there, and the reference.
export type PublicView = 'api' | 'setup' | 'register' | 'forgot' | 'reset' | 'invitation' | 'verify';

const paths: Record<View, string> = {
  files: '/console/',
  status: '/console/status',
  users: '/console/users',
  sessions: '/console/sessions',
  roles: '/console/roles',
  routes: '/console/routes',
  config: '/console/configuration',
  audit: '/console/audit',
  mails: '/console/mails',
  dead: '/console/dead-letters',
  profile: '/console/profile',
  api: '/console/api',
  setup: '/console/setup',
  register: '/console/register',
  forgot: '/console/forgot-password',
  reset: '/console/reset-password',
  invitation: '/console/accept-invitation',
  verify: '/console/verify-email',
};

export function viewOf(pathname: string): View {
  const path = pathname.replace(/\/+$/, '');
  for (const view of Object.keys(paths) as View[]) if (path === paths[view]) return view;
  return 'files';
}

export function isPublic(view: View): view is PublicView {
  return view !== 'files' && view !== 'profile' && !isAdminView(view);
}

class Router {
  view = $state<View>(viewOf(location.pathname));
  hash = $state(location.hash.slice(1));

  constructor() {
    const read = () => {
      this.view = viewOf(location.pathname);
      this.hash = location.hash.slice(1);
    };
    addEventListener('popstate', read);
    addEventListener('hashchange', read);
  }

  pathOf(view: View): string {
    return paths[view];
  }

  go(view: View, how: 'push' | 'replace' = 'push'): void {
    if (how === 'replace') history.replaceState(null, '', paths[view]);
    else if (view !== this.view) history.pushState(null, '', paths[view]);
    this.view = view;
    this.hash = '';
    scrollTo(0, 0);
  }

  // For links: a plain click changes the view, a click with a modifier does what the browser does.
  follow = (event: MouseEvent, view: View): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.go(view);
  };
}

export const router = new Router();
