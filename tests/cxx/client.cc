/*
 * The client library and a typed interface from C++: calls `reverse` and `notes` of a world.
 *   client WORLD
 * Says what went wrong and ends with 1, or with 0.
 */
#include "cloister/client.h"
#include "cloister/verify.h"

#include "notes_client.h"

#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

void check(const char *what, cloister_status status)
{
    if (status != CLOISTER_OK)
        throw std::runtime_error(std::string(what) + ": " + cloister_status_name(status));
}

using World = std::unique_ptr<cloister_world, decltype(&cloister_world_close)>;
using Session = std::unique_ptr<cloister_session, decltype(&cloister_session_close)>;

World open_world(const char *name)
{
    cloister_world *world = nullptr;
    check("world", cloister_world_open(name, &world));
    return World(world, cloister_world_close);
}

Session open_session(const World &world, const char *module)
{
    cloister_session *session = nullptr;
    check(module, cloister_session_open(world.get(), module, 0, &session));
    return Session(session, cloister_session_close);
}

void call_reverse(const World &world)
{
    Session session = open_session(world, "reverse");
    std::vector<char> out(64);
    cloister_parameter p[4] = {cloister_in("abc", 3), cloister_out(out.data(), out.size()), {}, {}};
    cloister_result result = cloister_call(session.get(), "reverse", p, 0);
    check("reverse", result.status);
    if (std::string(out.data(), p[1].size) != "cba")
        throw std::runtime_error("reverse gave something else");
}

void call_notes(const World &world)
{
    Session session = open_session(world, "notes");
    notes_AddRequest request = notes_AddRequest_init_zero;
    notes_AddReply added = notes_AddReply_init_zero;
    notes_ListReply list = notes_ListReply_init_zero;
    request.has_note = true;
    std::snprintf(request.note.title, sizeof request.note.title, "from C++");
    check("add", notes_add(session.get(), &request, &added, 0).status);
    check("list", notes_list(session.get(), &list, 0).status);
    if (list.title_count != 1 || std::strcmp(list.title[0], "from C++") != 0)
        throw std::runtime_error("the list has something else");
}

} // namespace

int main(int argc, char **argv)
{
    try {
        if (argc != 2)
            throw std::runtime_error("usage: client WORLD");
        World world = open_world(argv[1]);
        call_reverse(world);
        call_notes(world);
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "client: %s\n", error.what());
        return 1;
    }
}
