// What plain HTML cannot do. Everything works without it.
(() => {
    'use strict';

    // Instants in the reader's zone; the original stays as the tooltip.
    const format = new Intl.DateTimeFormat(undefined, {
        dateStyle: 'medium', timeStyle: 'short',
    });
    const localize = (root) => {
        for (const time of root.querySelectorAll('time[datetime]:not([title])')) {
            const instant = new Date(time.dateTime);
            if (!Number.isNaN(instant.getTime())) {
                time.title = time.textContent;
                time.textContent = format.format(instant);
            }
        }
    };

    // Buttons that copy the text of another element.
    const offerCopies = (root) => {
        for (const button of root.querySelectorAll('button[data-copy][hidden]')) {
            button.hidden = !navigator.clipboard;
        }
    };
    document.addEventListener('click', async (event) => {
        const button = event.target.closest?.('button[data-copy]');
        const source = button && document.getElementById(button.dataset.copy);
        if (source) {
            await navigator.clipboard.writeText(source.textContent);
            document.getElementById('notice').textContent = 'Copied.';
        }
    });

    // A slash leads to the search.
    document.addEventListener('keydown', (event) => {
        const field = document.querySelector('input[type=search]');
        const typing = event.target.closest?.('input, textarea, select, [contenteditable]');
        if (event.key === '/' && field && !typing && !event.ctrlKey && !event.metaKey) {
            event.preventDefault();
            field.focus();
            field.select();
        }
    });

    const prepare = (root) => { localize(root); offerCopies(root); };
    const ready = () => prepare(document);
    document.readyState === 'loading'
        ? document.addEventListener('DOMContentLoaded', ready) : ready();
    document.addEventListener('htmx:after:swap', ready);
})();
